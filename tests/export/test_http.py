#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""The HTTP client against honest receivers and hostile ones: every exchange ends in time, with a
status or with a sentence that says why there is none."""

import json
import os
import re
import shutil
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import receiver  # noqa: E402
import tap  # noqa: E402
from receiver import Receiver, Stub, answering  # noqa: E402

POST = os.path.join(tap.build_dir(), "tests", "export", "podo_post_case")
TEMP = tap.temp_dir()


def post(url, before=(), **settings):
    """The client's reports, one an exchange."""
    result = tap.run([*before, POST, url, *(f"{k}={v}" for k, v in settings.items())], 60)
    lines = [json.loads(l) for l in result.stdout.splitlines() if l.startswith("{")]
    if result.returncode != 0 or not lines or "ended" not in lines[-1]:
        return [{"status": None, "error": str(result), "body": "", "ms": -1, "connections": -1}]
    return lines[:-1]


def check_error(sentence, report, *words):
    tap.check(sentence, report["status"] == 0 and all(w in report["error"] for w in words),
              f"{report}\nexpected {words}")


def check_plain():
    server = Receiver()
    url = f"http://127.0.0.1:{server.port}/v1development/profiles?x=1"
    report = post(url, post_header="a b")[0]
    tap.check("a POST arrives and its answer is read",
              (report["status"], report["body"], report["complete"], report["error"])
              == (200, "ok", True, ""), report)
    path, headers, body = server.requests[0]
    tap.check_equal("path, host, headers and body are those given",
                    (path, headers.get("Host"), headers.get("Content-Type"), headers.get("X-Test"), body),
                    ("/v1development/profiles?x=1", f"127.0.0.1:{server.port}",
                     "application/x-protobuf", "a b", b"xxxxx"))
    reports = post(url, times=20)
    tap.check("twenty exchanges share one connection",
              len(reports) == 20 and reports[-1]["connections"] == 1, reports)
    report = post(url.replace("127.0.0.1", "receiver.test"))[0]
    tap.check("a receiver with a name is found", report["status"] == 200, report)
    report = post(url, bytes=8 << 20)[0]
    tap.check("eight megabytes arrive", report["status"] == 200
              and len(server.requests[-1][2]) == 8 << 20, report)
    report = post(f"http://user:pa%3Ass@127.0.0.1:{server.port}/")[0]
    tap.check_equal("user and password of the URL become basic authorization",
                    server.requests[-1][1].get("Authorization"), "Basic dXNlcjpwYTpzcw==")
    count = len(server.requests)
    check_error("a header with a line break is refused and nothing is sent",
                post(url, post_header="a\r\nX-Evil: 1")[0], "header")
    tap.check_equal("so the receiver saw no request", len(server.requests), count)
    server.close()


def check_addresses():
    try:
        server = Receiver(host="::1")
    except OSError:
        tap.skip("an IPv6 address is reached", "IPv6 on loopback")
    else:
        report = post(f"http://[::1]:{server.port}/")[0]
        tap.check("an IPv6 address is reached", report["status"] == 200, report)
    path = os.path.join(TEMP, "receiver.sock")
    server = Receiver(unix_path=path)
    reports = post(f"unix:{path}", times=2)
    tap.check("a unix socket is reached, and the connection kept",
              [r["status"] for r in reports] == [200, 200] and reports[-1]["connections"] == 1, reports)
    name = f"podo-test-{os.getpid()}"
    server = Receiver(unix_path="\0" + name)
    report = post(f"unix:@{name}")[0]
    tap.check("a socket in the abstract namespace is reached", report["status"] == 200, report)
    check_error("a closed port says so", post(f"http://127.0.0.1:{tap.free_port()}/")[0],
                "connecting to 127.0.0.1:", "Connection refused")
    check_error("a missing unix socket says so", post("unix:/nowhere.sock")[0],
                "unix:/nowhere.sock", "No such file")
    check_error("an unknown name says so", post("http://nowhere.test:1/")[0],
                "resolving nowhere.test", "Name or service not known")


def check_in_time(sentence, report, *words):
    check_error(sentence, report, *words)
    tap.check("... and in time", 390 <= report["ms"] < 3000, report)


def check_answers():
    for status in (204, 301, 400, 404, 429, 503):
        server = Receiver(lambda path, s=status: (s, {"Retry-After": "7", "Location": "/other"},
                                                  b"" if s == 204 else b"words"))
        report = post(f"http://127.0.0.1:{server.port}/")[0]
        tap.check(f"{status} is reported with its Retry-After and its words, and not followed",
                  (report["status"], report["retry_after"]) == (status, "7")
                  and report["body"] == ("" if status == 204 else "words")
                  and len(server.requests) == 1, report)
    stub = Stub(answering(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    report = post(f"http://127.0.0.1:{stub.port}/")[0]
    tap.check("an interim answer is not the answer", report["status"] == 200, report)
    stub = Stub(answering(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"))
    report = post(f"http://127.0.0.1:{stub.port}/")[0]
    tap.check("an answer that ends with the connection is whole",
              report["body"] == "until the end" and report["complete"], report)
    stub = Stub(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"))
    report = post(f"http://127.0.0.1:{stub.port}/")[0]
    tap.check("a chunked answer is read", report["body"] == "ok" and report["complete"], report)


def check_hostile():
    hang_up = Stub(lambda connection: None)
    check_error("a receiver that hangs up at once has not answered",
                post(f"http://127.0.0.1:{hang_up.port}/", bytes=1 << 20)[0], "127.0.0.1")

    def reset(connection):
        receiver.read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    check_error("a connection that is reset has not answered",
                post(f"http://127.0.0.1:{Stub(reset).port}/")[0], "reset")
    for sentence, data in (("garbage is no answer", b"\x16\x03\x01 garbage\r\n\r\n"),
                           ("half a status line is no answer", b"HTTP/1.1 2"),
                           ("a header cut off is no answer", b"HTTP/1.1 200 OK\r\nContent-Le"),
                           ("a header that does not end is no answer",
                            b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * (1 << 20)),
                           ("headers without end are no answer",
                            b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 50_000),
                           ("a length that is none is no answer",
                            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
                           ("interim answers without end are no answer",
                            b"HTTP/1.1 100 Continue\r\n\r\n" * 100)):
        report = post(f"http://127.0.0.1:{Stub(answering(data)).port}/")[0]
        tap.check(sentence, report["status"] == 0 and report["error"], report)
    stub = Stub(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"))
    report = post(f"http://127.0.0.1:{stub.port}/")[0]
    tap.check("a yes that is cut off after its header is a yes, and its body is known to be cut",
              (report["status"], report["body"], report["complete"]) == (200, "cut", False), report)
    stub = Stub(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 9999999))
    report = post(f"http://127.0.0.1:{stub.port}/", max_response=100_000)[0]
    tap.check("an answer above the limit is not read on",
              report["status"] == 200 and report["bytes"] <= 100_000 and not report["complete"], report)
    stub = Stub(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                          + b"10000\r\n" + b"x" * 65536 + b"\r\n" * 1))
    report = post(f"http://127.0.0.1:{stub.port}/", max_response=1000)[0]
    tap.check("nor is one whose chunks pass it",
              report["status"] == 200 and report["bytes"] <= 1000 and not report["complete"], report)

    def refuse_early(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    report = post(f"http://127.0.0.1:{Stub(refuse_early).port}/", bytes=16 << 20)[0]
    tap.check("a refusal before the end of the request is read", report["status"] == 413, report)


def check_slow():
    def silent(connection):
        while connection.recv(65536):
            pass
    stub = Stub(silent)
    check_in_time("a receiver that never answers is given up",
                  post(f"http://127.0.0.1:{stub.port}/", timeout_ms=400)[0],
                  "waiting for the answer of 127.0.0.1:", "no end within 400 ms")
    check_in_time("a byte a second does not prolong the deadline",
                  post(f"http://127.0.0.1:{Stub(receiver.dripping).port}/", timeout_ms=400)[0],
                  "no end within 400 ms")
    check_in_time("a receiver that does not read is given up",
                  post(f"http://127.0.0.1:{Stub(lambda c: receiver.time.sleep(30)).port}/",
                       timeout_ms=400, bytes=64 << 20)[0], "sending to 127.0.0.1:")
    check_in_time("a TLS handshake that hangs is given up",
                  post(f"https://127.0.0.1:{stub.port}/", timeout_ms=400)[0], "TLS handshake")
    reports = post("http://hangs.test:1/", timeout_ms=400, times=2)
    for report in reports:
        check_in_time("a name server that hangs is given up", report, "resolving hangs.test")
    result = tap.run([POST, f"http://127.0.0.1:{stub.port}/", "abandon=true"], 20)
    tap.check("a client destroyed in the middle of an exchange never reports",
              result.returncode == 0 and result.stdout == '{"ended": true}\n', result)


def check_kept_connection():
    """The receiver hangs up between two exchanges."""
    stub = Stub(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    child = tap.start([POST, f"http://127.0.0.1:{stub.port}/", "times=2", "wait=stdin"],
                      stdin=tap.subprocess.PIPE, stdout=tap.subprocess.PIPE, text=True)
    first = json.loads(child.stdout.readline())
    stub.closed.wait(10)
    out, _ = child.communicate("\n", timeout=20)
    second = json.loads(out.splitlines()[0])
    tap.check("a receiver that hung up meanwhile costs a connection, not a request",
              (first["status"], second["status"], second["connections"]) == (200, 200, 2),
              f"{first}\n{second}")


def check_system_calls():
    if not shutil.which("strace"):
        tap.skip("no SIGPIPE, no inherited socket", "strace")
        return
    trace = os.path.join(TEMP, "trace")
    stub = Stub(lambda connection: connection.close())
    report = post(f"http://127.0.0.1:{stub.port}/", ("strace", "-f", "-o", trace), bytes=4 << 20)[0]
    with open(trace, encoding="utf-8", errors="replace") as f:
        calls = f.read()
    sends = re.findall(r"\b(?:sendmsg|sendto|send)\(\d+, .*", calls)
    tap.check("a broken connection is written to with MSG_NOSIGNAL, and no SIGPIPE comes",
              report["status"] == 0 and sends and all("MSG_NOSIGNAL" in s for s in sends)
              and "SIGPIPE" not in calls, "\n".join(sends[:5]))
    tap.check("sockets are made with SOCK_CLOEXEC", "SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK" in calls)
    tap.check("nothing listens", not re.search(r"\b(listen|bind)\(", calls))
    server = Receiver()
    result = tap.run([POST, f"http://127.0.0.1:{server.port}/", "exec=true"])
    tap.check("a program started meanwhile inherits no descriptor of the client",
              "/proc/" in result.stdout and not re.search("socket:|eventpoll|eventfd|timerfd", result.stdout),
              result)


def main():
    check_plain()
    check_addresses()
    check_answers()
    check_hostile()
    check_slow()
    check_kept_connection()
    check_system_calls()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
