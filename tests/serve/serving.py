# SPDX-License-Identifier: Apache-2.0
"""A running podo_serve_case, and clients that send whatever bytes they want."""

import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

PROGRAM = os.path.join(tap.build_dir(), "tests", "serve", "podo_serve_case")
TIMEOUT_S = 20


class Server:
    def __init__(self, address="127.0.0.1:0", token=None, **popen):
        self.child = tap.start([PROGRAM, address] + ([token] if token else []), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, env=tap.clean_environment(), **popen)
        self.address = self.child.stdout.readline().strip()

    def ask(self, word="count"):
        self.child.stdin.write(word + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def end(self):
        """What it says last; "" if it did not end in time."""
        self.child.stdin.close()
        try:
            self.child.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            tap.kill(self.child)
            return ""
        return self.child.stdout.read().strip()

    def connect(self):
        where = self.address
        if where.startswith("unix:"):
            client = socket.socket(socket.AF_UNIX)
            path = where[len("unix:"):]
            target = "\0" + path[1:] if path.startswith("@") else path
        else:
            host, port = where.rsplit(":", 1)
            client = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
            target = (host.strip("[]"), int(port))
        client.settimeout(TIMEOUT_S)
        client.connect(target)
        return client

    def get(self, target="/echo", *headers, method="GET", body=b"", host="localhost"):
        """(status, {header: value}, body) over a connection of its own."""
        with self.connect() as client:
            send(client, target, *headers, method=method, body=body, host=host)
            return read(client, method)


def send(client, target, *headers, method="GET", body=b"", host="localhost"):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    client.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def read(client, method="GET"):
    """The next answer; (0, {}, b"") if the connection ends before one."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            return 0, {}, data
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    headers = {}
    for name, value in (line.split(": ", 1) for line in lines):
        before = headers.get(name.lower())
        headers[name.lower()] = value if before is None else before + "\n" + value
    wanted = 0 if method == "HEAD" else int(headers.get("content-length", 0))
    while len(body) < wanted:
        piece = client.recv(1 << 20)
        if not piece:
            break
        body += piece
    return int(first.split(" ")[1]), headers, body


def read_one(client):
    """The status of the next of several answers that may come together; reads not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = client.recv(1)
        if not piece:
            return 0
        head += piece
    for left in [int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length")]:
        while left > 0:
            left -= len(client.recv(left)) or left
    return int(head.split(b" ")[1])


def is_closed(client):
    """True when the server has ended the connection."""
    try:
        return client.recv(1) == b""
    except (ConnectionResetError, BrokenPipeError):
        return True
    except TimeoutError:
        return False
