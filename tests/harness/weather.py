# SPDX-License-Identifier: Apache-2.0
"""A front that stands between a service and a gateway and has weather: it passes requests on, or
refuses, delays, cuts off or falsifies answers, and keeps a record of each request."""

import collections
import hashlib
import http.client
import http.server
import socket
import struct
import threading
import time

# `answered` is the status that the client could read whole, else None: no yes was to be had.
# `passed` is the status by which the gateway took the request, None if it never got it.
Exchange = collections.namedtuple("Exchange", "at path headers body sha256 weather answered passed")


class Weather:
    """What happens to a request. `passes`: the gateway gets it. `answer(handler, reply)` writes to
    the client (`reply` is (status, headers, body) of the gateway, or None) and returns the status
    that the client can have read."""

    def __init__(self, name, passes, answer):
        self.name, self.passes, self.answer = name, passes, answer


def _send(handler, reply):
    status, headers, body = reply
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return status


def _hang_up(handler, _=None):
    handler.close_connection = True


def clear():
    """Everything is passed on; where no gateway is, the front hangs up like one that died."""
    return Weather("clear", True, lambda h, reply: _send(h, reply) if reply else _hang_up(h))


def answering(status, body=b"", **headers):
    """The front's own answer; `Retry_After="2"` gives the header Retry-After."""
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return Weather(f"{status} {named or ''}".strip(), False, lambda h, _: _send(h, (status, named, body)))


def black_hole():
    """Requests are read and never answered, until the weather changes or the client goes."""
    return Weather("black hole", False, lambda h, _: h.front.hold(h))


def lost_answer():
    """The gateway says yes, and nobody hears it: the retry is a duplicate."""
    return Weather("answer lost", True, _hang_up)


def cut_off(after=b"HTTP/1.1 2"):
    """The gateway's answer ends in the middle of its first line: no yes was read."""
    return Weather("answer cut off", True, lambda h, _: (h.wfile.write(after), _hang_up(h))[1])


def garbage():
    return Weather("garbage", False,
                   lambda h, _: (h.wfile.write(b"\x16\x03\x01\x00\xff 200 OK\r\n\r\n"), _hang_up(h))[1])


def reset():
    def abort(handler, _):
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        _hang_up(handler)
    return Weather("connection reset", False, abort)


def dripping(passes=False):
    """A byte a second: the client's deadline is over long before the end of the first line."""
    def drip(handler, _):
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
            handler.wfile.write(bytes([byte]))
            if not handler.front.hold(handler, 1):
                break
        _hang_up(handler)
    return Weather("a byte a second" + (", passed on" if passes else ""), passes, drip)


class Front:
    """Listens on loopback at `port`; `turn(weather)` changes what follows, `close_door` refuses
    connections until `open_door`. `exchanges` is complete up to the last request that ended."""

    def __init__(self, gateway_port, tls=None):
        self.gateway_port, self.tls, self.port = gateway_port, tls, 0
        self.exchanges, self.open_connections = [], set()
        self.arrived = 0  # requests, those that are not answered yet included
        self.changed = threading.Condition()
        self.turns = 0
        self.weather = clear()
        self.server = None
        self.open_door()

    def turn(self, weather):
        with self.changed:
            self.weather = weather
            self.turns += 1
            self.changed.notify_all()

    def open_door(self):
        self.server = _Server(("127.0.0.1", self.port), _Handler)
        self.server.front = self
        self.port = self.server.server_address[1]
        if self.tls is not None:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close_door(self):
        """Connections that are there end too, as with a receiver that died."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.open_connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def during(self, name):
        return [e for e in list(self.exchanges) if e.weather == name]

    def hold(self, handler, seconds=3600):
        """Waits as long as the weather holds and the client is there; true if the time passed."""
        with self.changed:
            turns, end = self.turns, time.monotonic() + seconds
            while self.turns == turns and time.monotonic() < end:
                self.changed.wait(min(0.05, max(0, end - time.monotonic())))
                if _has_gone(handler.connection):
                    _hang_up(handler)
                    return False
            if self.turns != turns:
                _hang_up(handler)
            return self.turns == turns

    def pass_on(self, path, headers, body):
        """The gateway's answer, or None if there is no gateway."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway_port, timeout=20)
        kept = {k: v for k, v in headers.items() if k.lower() not in ("connection", "host")}
        try:
            connection.request("POST", path, body, kept)
            answer = connection.getresponse()
            content = answer.read()
            passed = {k: v for k, v in answer.getheaders()
                      if k.lower() in ("content-type", "retry-after")}
            return answer.status, passed, content
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def _has_gone(connection):
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except (BlockingIOError, InterruptedError):
        return False
    except (OSError, ValueError):  # TLS sockets take no flags: their clients are waited for
        return False


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    front = None

    def handle_error(self, request, client_address):  # broken connections are the weather
        pass


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def setup(self):
        super().setup()
        self.front = self.server.front
        self.front.open_connections.add(self.connection)

    def finish(self):
        self.front.open_connections.discard(self.connection)
        super().finish()

    def do_POST(self):
        at = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.front.arrived += 1
        weather, headers = self.front.weather, dict(self.headers.items())
        reply = self.front.pass_on(self.path, headers, body) if weather.passes else None
        answered = None
        try:
            answered = weather.answer(self, reply)
        except OSError:  # the client did not wait
            self.close_connection = True
        self.front.exchanges.append(Exchange(at, self.path, headers, body,
                                             hashlib.sha256(body).hexdigest(), weather.name, answered,
                                             reply[0] if reply else None))

    def log_message(self, *_):
        pass

    def address_string(self):
        return "client"
