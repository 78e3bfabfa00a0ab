#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 120
"""The HTTP server with clients who mean well, and who may ask."""

import base64
import gzip
import os
import socket
import stat
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import serving  # noqa: E402
from serving import Server, tap  # noqa: E402

TOKEN = "correct-horse-battery"


def check_plain():
    server = Server()
    status, headers, body = server.get("/echo?a=b")
    tap.check_equal("a request is answered", (status, body), (200, b"GET /echo?a=b 0"))
    tap.check_equal("every answer says that browsers must not guess, keep or run anything",
                    [headers.get(n) for n in ("x-content-type-options", "cache-control",
                                              "content-security-policy", "referrer-policy")],
                    ["nosniff", "no-store", "default-src 'none'", "no-referrer"])
    tap.check("no answer is for other origins", not any(n.startswith("access-control") for n in headers),
              headers)
    tap.check_equal("a page has the policy it asks for",
                    server.get("/page")[1]["content-security-policy"], "own")
    tap.check_equal("a body arrives", server.get(method="POST", body=b"x" * 100_000)[2], b"POST /echo 100000")
    status, headers, body = server.get(method="HEAD")
    tap.check_equal("HEAD gets the headers alone", (status, headers["content-length"], body), (200, "12", b""))
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"):
        tap.check_equal(f"{method} is refused", server.get(method=method)[0], 405)
    with server.connect() as client:
        for number in range(5):
            serving.send(client, f"/echo{number}")
            tap.check_equal(f"request {number} of a kept connection is answered",
                            serving.read(client)[2], f"GET /echo{number} 0".encode())
        client.sendall(b"".join(b"GET /early%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % n for n in range(40)))
        answers = b""
        while b"/early39 0" not in answers:
            answers += client.recv(65536)
        tap.check_equal("requests sent ahead are answered in turn",
                        [answers.find(b"/early%d 0" % n) >= 0 for n in range(40)], [True] * 40)
        client.sendall(b"PUT /early HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40)
        tap.check_equal("so are refusals", [serving.read_one(client) for _ in range(40)], [405] * 40)
        serving.send(client, "/echo", "Connection: close")
        serving.read(client)
        tap.check("a connection ends when the client says so", serving.is_closed(client))
    with server.connect() as client:
        client.sendall(b"GET /old HTTP/1.0\r\nHost: localhost\r\n\r\n")
        tap.check_equal("HTTP/1.0 is answered and closed", (serving.read(client)[2], serving.is_closed(client)),
                        (b"GET /old 0", True))
    with server.connect() as client:
        for piece in b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n".split(b" "):
            client.sendall(piece + (b" " if b"\r\n\r\n" not in piece else b""))
        tap.check_equal("a request may come in pieces", serving.read(client)[2], b"GET /slow 0")
    clients = [server.connect() for _ in range(48)]
    tap.check("48 connections are open at a time", tap.wait_until(lambda: server.ask()["connections"] == 48))
    time.sleep(1.5)  # past the grace that a new connection has
    tap.check_equal("and stay, as long as nobody else wants in", server.ask()["connections"], 48)
    tap.check_equal("for another one the oldest idle one is closed", server.get()[0], 200)
    for client in clients:
        client.close()
    tap.check_equal("it ends when told to", server.end(), "ended")


def check_late():
    server = Server()
    with server.connect() as client:
        serving.send(client, "/late")
        status, _, body = serving.read(client)
        tap.check_equal("an answer may come later", (status, body), (200, b"late\n"))
        serving.send(client, "/drop")
        tap.check("without an answer the connection ends", serving.is_closed(client))
    before = server.ask()["sockets"]
    for _ in range(20):
        client = server.connect()
        serving.send(client, "/never")
        client.close()
    tap.check("clients that went away cost nothing",
              tap.wait_until(lambda: server.ask()["connections"] == 0), server.ask())
    tap.check_equal("their sockets are closed", server.ask()["sockets"], before)
    waiting = server.connect()
    serving.send(waiting, "/never")
    tap.check_equal("it ends while an answer is outstanding", server.end(), "ended")


def check_gzip():
    server = Server()
    _, headers, body = server.get("/big?bytes=100000", "Accept-Encoding: deflate, gzip")
    tap.check_equal("text is compressed for who takes it",
                    (headers.get("content-encoding"), gzip.decompress(body)), ("gzip", b"x" * 100_000))
    for what, target, accepts in (("small answers", "/big?bytes=100", "gzip"),
                                  ("octets", "/bytes?bytes=100000", "gzip"),
                                  ("answers to who refuses gzip", "/big?bytes=100000", "gzip;q=0"),
                                  ("answers to who says nothing", "/big?bytes=100000", "identity")):
        tap.check_equal(f"{what} are not", server.get(target, f"Accept-Encoding: {accepts}")[1]
                        .get("content-encoding"), None)
    server.end()


def check_addresses():
    for address in ("[::1]:0", "unix:@podo-test-" + os.path.basename(tap.temp_dir()),
                    "unix:" + os.path.join(tap.temp_dir(), "podo.sock")):
        server = Server(address)
        tap.check_equal(f"{address.split('-')[0]} is listened on", server.get()[2], b"GET /echo 0")
        if address.startswith("unix:/"):
            path = address[5:]
            tap.check_equal("a socket's file is its owner's alone", oct(stat.S_IMODE(os.stat(path).st_mode)),
                            "0o600")
            tap.check_equal("nothing else is left beside it",
                            [n for n in os.listdir(os.path.dirname(path)) if n.startswith(".podo")], [])
            tap.check("a taken path is one line", "Address already in use" in Server(address).address)
            tap.kill(server.child)
            tap.check("after kill -9 the file is left", os.path.exists(path))
            server = Server(address)
            tap.check_equal("and replaced by the next process", server.get()[0], 200)
            server.end()
            tap.check("which removes it at its end", not os.path.exists(path))
            with open(path, "w", encoding="utf-8") as f:
                f.write("precious")
            tap.check("a file that is no socket is not touched",
                      "Address already in use" in Server(address).address and open(path).read() == "precious")
        else:
            server.end()
    server = Server()
    tap.check("a taken port is one line", "Address already in use" in Server(server.address).address)
    server.end()
    for bad in ("", "6060", "localhost", "example.com:6060", "127.0.0.1:65536", "127.0.0.1:-1", "::1:6060",
                "unix:", "unix:relative", "unix:/dir/", "unix:@", "unix:/" + "x" * 200, "http://127.0.0.1:1"):
        tap.check(f"{bad[:30]!r} is refused with what is accepted",
                  Server(bad).address.startswith("accepted: ADDRESS:PORT such as 127.0.0.1:6060"))


def check_access():
    open_to_all = Server("0.0.0.0:0").address
    tap.check("an address that others reach is refused without a token",
              "PODO_LISTEN_TOKEN_FILE must name a file" in open_to_all, open_to_all)
    server = Server("0.0.0.0:0", TOKEN)
    port = server.address.rsplit(":", 1)[1]
    server.address = f"127.0.0.1:{port}"
    status, headers, _ = server.get()
    tap.check_equal("without the token nothing is answered", (status, headers["www-authenticate"]),
                    (401, 'Bearer realm="podo"\nBasic realm="podo"'))
    basic = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
    for what, header, expected in (
            ("the token", f"Bearer {TOKEN}", 200), ("a browser's form of it", f"Basic {basic}", 200),
            ("a wrong token", "Bearer correct-horse-batterx", 401), ("a part of it", f"Bearer {TOKEN[:-1]}", 401),
            ("more than it", f"Bearer {TOKEN}x", 401), ("it twice", f"Bearer {TOKEN}{TOKEN}", 401),
            ("nothing", "Bearer ", 401), ("another scheme", f"Digest {TOKEN}", 401),
            ("broken base64", "Basic !!!", 401)):
        tap.check_equal(f"{what} gives {expected}", server.get("/echo", f"Authorization: {header}")[0], expected)
    tap.check_equal("two tokens are refused", server.get(
        "/echo", f"Authorization: Bearer {TOKEN}", "Authorization: Bearer x")[0], 400)
    tap.check_equal("the token does not save a foreign Host",
                    server.get("/echo", f"Authorization: Bearer {TOKEN}", host="evil.example")[0], 421)
    server.end()
    server = Server()
    for host, expected in (("localhost:6060", 200), ("127.0.0.1", 200), ("10.1.2.3:80", 200), ("[::1]:6060", 200),
                           ("LOCALHOST", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421),
                           ("localhost.evil.example", 421), ("", 421), ("[::1", 421)):
        tap.check_equal(f"Host {host!r} gives {expected}", server.get(host=host)[0], expected)
    for site, mode, expected in (("cross-site", "no-cors", 403), ("cross-site", "cors", 403),
                                 ("same-site", "cors", 403), ("cross-site", "navigate", 200),
                                 ("same-origin", "cors", 200), ("none", "navigate", 200)):
        tap.check_equal(f"a browser's {mode} request from {site} gives {expected}", server.get(
            "/echo", f"Sec-Fetch-Site: {site}", f"Sec-Fetch-Mode: {mode}")[0], expected)
    server.end()
    path = os.path.join(tap.temp_dir(), "free.sock")
    server = Server("unix:" + path)
    tap.check_equal("on a unix socket any Host will do", server.get(host="whatever")[0], 200)
    server.end()
    turned_away = "another user is turned away from an abstract socket, which has no file's mode"
    if os.geteuid() != 0:
        return tap.skip(turned_away, "root")
    server = Server("unix:@podo-test-users-" + os.path.basename(tap.temp_dir()))
    child = os.fork()
    if child == 0:
        os.setuid(12345)
        try:
            os._exit(0 if serving.is_closed(server.connect()) else 1)
        finally:
            os._exit(2)
    tap.check_equal(turned_away, os.waitpid(child, 0)[1], 0)
    tap.check_equal("and counted", server.ask()["refused"], 1)
    server.end()
    return None


def check_descriptors():
    server = Server()
    client = server.connect()
    serving.send(client, "/never")
    tap.check("a connection is open", tap.wait_until(lambda: server.ask()["connections"] == 1))
    tap.check_equal("a fork child holds no socket of the server", server.ask("fork")["sockets"], 0)
    tap.check_equal("and the parent still answers", server.get()[0], 200)
    server.ask("closefrom")
    with socket.socket() as probe:
        probe.settimeout(5)
        host, port = server.address.rsplit(":", 1)
        tap.check("after the host closed all descriptors nobody listens",
                  tap.wait_until(lambda: probe.connect_ex((host, int(port))) != 0))
    tap.check_equal("and the process ends well", server.end(), "ended")


check_plain()
check_late()
check_gzip()
check_addresses()
check_access()
check_descriptors()
sys.exit(tap.done())
