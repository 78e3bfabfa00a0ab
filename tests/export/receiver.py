# SPDX-License-Identifier: Apache-2.0
"""Receivers for test_http.py: honest ones of the standard library, and a hostile stub."""

import http.server
import os
import socket
import socketserver
import ssl
import subprocess
import threading
import time


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    address_family = socket.AF_INET

    def handle_error(self, request, client_address):  # refused handshakes are expected here
        pass


class _Server6(_Server):
    address_family = socket.AF_INET6


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class Receiver:
    """Answers every POST by `answer(path) -> (status, headers, body)` and keeps what it got."""

    def __init__(self, answer=lambda path: (200, {}, b"ok"), host="127.0.0.1", tls=None,
                 unix_path=None, port=0):
        self.requests, self.clients = [], set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                self.timeout = 20
                super().setup()
                if unix_path is None:
                    outer.clients.add(self.client_address)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.path, dict(self.headers.items()), body))
                status, headers, content = answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_CONNECT(self):
                outer.requests.append((self.path, dict(self.headers.items()), b"CONNECT"))
                status, _, _ = answer(self.path)
                if status != 200:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                name, _, port = self.path.rpartition(":")
                with socket.create_connection(("127.0.0.1", int(port))) as other:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    relay(self.connection, other)
                self.close_connection = True

            def log_message(self, *_):
                pass

            def address_string(self):
                return "client"

        if unix_path is not None:
            self.server = _UnixServer(unix_path, Handler)
        else:
            self.server = (_Server6 if ":" in host else _Server)((host, port), Handler)
            self.port = self.server.server_address[1]
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def relay(one, other):
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    thread = threading.Thread(target=pump, args=(one, other), daemon=True)
    thread.start()
    pump(other, one)
    thread.join()


class Stub:
    """Accepts connections and lets `behave(connection)` loose on each."""

    def __init__(self, behave):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.accepted = 0
        self.closed = threading.Event()
        self.behave = behave
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self.behave(connection)
        except OSError:
            pass
        connection.close()
        self.closed.set()


def read_request(connection):
    """The whole request, so that a close is no reset."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    size = next((int(l.split(b":")[1]) for l in head.lower().split(b"\r\n")
                 if l.startswith(b"content-length")), 0)
    while len(body) < size:
        body += connection.recv(65536)
    return head


def answering(data, linger=False):
    def behave(connection):
        read_request(connection)
        connection.sendall(data)
        if linger:
            while connection.recv(1024):
                pass
    return behave


def dripping(connection):
    """A byte a second, for ever."""
    read_request(connection)
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":
        connection.sendall(bytes([byte]))
        time.sleep(1)


class Authority:
    """A certificate authority of openssl's command line, and certificates under it."""

    def __init__(self, directory, name="ca"):
        self.directory, self.name, self.serial = directory, name, 0
        self.path = os.path.join(directory, name + ".pem")
        self.key = os.path.join(directory, name + ".key")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-subj", "/CN=test authority " + name, "-keyout", self.key,
                      "-out", self.path, "-days", "3650")

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def issue(self, name, alternative=None, not_after=None):
        """(certificate, key) for `name`; `not_after` as YYYYMMDDHHMMSSZ makes it end there."""
        self.serial += 1
        base = os.path.join(self.directory, f"{self.name}-{self.serial}")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", "/CN=" + name, "-keyout", base + ".key", "-out", base + ".csr")
        with open(base + ".ext", "w", encoding="ascii") as f:
            f.write("[x]\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n")
            f.write(f"subjectAltName={alternative}\n" if alternative else "")
            f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={base}.db\nserial={base}.srl\n"
                    f"new_certs_dir={self.directory}\ndefault_md=sha256\npolicy=p\n"
                    "unique_subject=no\n[p]\ncommonName=supplied\n")
        with open(base + ".db", "w", encoding="ascii"), open(base + ".srl", "w", encoding="ascii") as s:
            s.write(f"{0x1000 + self.serial:04x}\n")
        end = not_after or "20991231235959Z"
        self._openssl("ca", "-batch", "-config", base + ".ext", "-extensions", "x", "-cert", self.path,
                      "-keyfile", self.key, "-in", base + ".csr", "-out", base + ".pem", "-notext",
                      "-startdate", "20200101000000Z", "-enddate", end)
        return base + ".pem", base + ".key"


def server_context(certificate, key, client_authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_authority:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
