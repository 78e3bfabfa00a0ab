#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 180
"""Hostile clients of the HTTP server: they get little, keep nothing, and others are still answered."""

import os
import random
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import serving  # noqa: E402
from serving import Server, tap  # noqa: E402

MAX_CONNECTIONS = 48  # HttpServer::kMaxConnections
SEED = 20261123


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def check_back(server, what, before):
    """Afterwards all is as it was."""
    tap.check_equal(f"after {what} a good client is answered", server.get()[0], 200)
    tap.check(f"after {what} no connection is left",
              tap.wait_until(lambda: server.ask()["connections"] == 0, 40), server.ask())
    tap.check_equal(f"after {what} no socket is left", server.ask()["sockets"], before["sockets"])


def check_slow_headers(server):
    """Slowloris: more clients than there are places, each a byte at a time."""
    before = server.ask()
    clients = [server.connect() for _ in range(2 * MAX_CONNECTIONS)]
    begin = time.monotonic()
    answered, alive = 0, clients
    while alive and time.monotonic() - begin < 30:
        still = []
        for client in alive:
            try:
                client.send(b"G")
                still.append(client)
            except OSError:
                pass
        alive = still
        answered += server.get()[0] == 200
        time.sleep(0.3)
    tap.check("clients that send headers byte by byte are cut off", not alive, len(alive))
    tap.check(f"meanwhile others were answered ({answered} times)", answered >= 10)
    for client in clients:
        client.close()
    check_back(server, "slow headers", before)


def check_many(server):
    before = server.ask()
    clients = []
    for _ in range(1000):
        client = socket.socket()
        client.setblocking(False)
        host, port = server.address.rsplit(":", 1)
        client.connect_ex((host, int(port)))
        clients.append(client)
    now = server.ask()
    tap.check(f"of 1,000 connections at most {MAX_CONNECTIONS} are open at a time ({now['connections']})",
              now["connections"] <= MAX_CONNECTIONS and now["sockets"] <= before["sockets"] + MAX_CONNECTIONS + 1, now)
    tap.check_equal("a good client is answered beside them", server.get()[0], 200)
    for client in clients:
        client.close()
    check_back(server, "1,000 connections", before)


def check_garbage(server):
    before = server.ask()
    chance = random.Random(SEED)
    pieces = [bytes(chance.randrange(256) for _ in range(chance.randrange(1, 4000))) for _ in range(60)]
    pieces += [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 300, b"\n" * 5000, b"\r\n\r\n", b"GET",
               b"GET / HTTP/9.9\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
               b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
               b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
               b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
               b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
               b"GET http://evil/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
               b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /echo HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n"]
    wrong = []
    for piece in pieces:
        with server.connect() as client:
            try:
                client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                continue
            status = serving.read(client)[0]
            if status not in (0, 400, 405, 413, 421, 431):
                wrong.append((piece[:60], status))
    tap.check(f"{len(pieces)} kinds of garbage are refused", not wrong, wrong)
    check_back(server, "garbage", before)


def check_sizes(server):
    before = server.ask()
    with server.connect() as client:
        serving.send(client, "/echo", "X-Large: " + "x" * 20_000)
        tap.check_equal("headers above 16 KiB are refused", serving.read(client)[0], 431)
    with server.connect() as client:
        serving.send(client, "/" + "x" * 20_000)
        tap.check_equal("so is such a target", serving.read(client)[0], 431)
    tap.check_equal("15 KB of headers are fine", server.get("/echo", "X-Large: " + "x" * 15_000)[0], 200)
    with server.connect() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n")
        tap.check_equal("a body above 1 MiB is refused before it is sent", serving.read(client)[0], 413)
    with server.connect() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        status = 0
        try:
            for _ in range(200):
                client.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        except OSError:
            pass
        status = serving.read(client)[0]
        tap.check("and one that does not say how large it is, when it is", status in (0, 413), status)
    check_back(server, "large requests", before)


def check_slow_readers(server):
    """Each asks for 16 MB and reads nothing: memory is bounded, and given back."""
    before = server.ask()
    resident = resident_kib(server.child.pid)
    clients = []
    for _ in range(20):
        client = server.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        serving.send(client, "/big")
        clients.append(client)
    tap.check_equal("a good client is answered beside readers that do not read", server.get()[0], 200)
    tap.check("such readers are cut off",
              tap.wait_until(lambda: server.ask()["connections"] == 0, 40), server.ask())
    for client in clients:
        client.close()
    check_back(server, "slow readers", before)
    grown = resident_kib(server.child.pid) - resident
    tap.check(f"their answers' memory was bounded ({grown} of 320,000 KiB are left to the allocator)",
              grown < 120_000)


def check_half_open(server):
    before = server.ask()
    clients = [server.connect() for _ in range(30)]
    for client in clients:
        client.sendall(b"GET /echo HTTP/1.1\r\nHost: loc")
    tap.check("requests that never end are cut off",
              tap.wait_until(lambda: server.ask()["connections"] == 0, 40), server.ask())
    for client in clients:
        client.close()
    check_back(server, "half requests", before)


def check_storm(server):
    """Clients that do anything, all at once, for some seconds."""
    before = server.ask()
    ends = time.monotonic() + 5
    good = []

    def rage(number):
        chance = random.Random(SEED + number)
        while time.monotonic() < ends:
            try:
                with server.connect() as client:
                    client.settimeout(1)
                    how = chance.randrange(4)
                    serving.send(client, chance.choice(["/echo", "/late", "/never", "/drop", "/big?bytes=300000"]))
                    if how == 0:
                        client.recv(chance.randrange(1, 5000))
                    elif how == 1:
                        client.sendall(bytes(chance.randrange(256) for _ in range(200)))
                        client.recv(100)
            except OSError:
                pass

    threads = [threading.Thread(target=rage, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    while time.monotonic() < ends:
        good.append(server.get()[0])
    for thread in threads:
        thread.join()
    tap.check(f"in a storm every good request is answered ({len(good)})", good and set(good) == {200},
              {status: good.count(status) for status in set(good)})
    check_back(server, "a storm", before)


def main():
    server = Server()
    for check in (check_slow_headers, check_many, check_garbage, check_sizes, check_slow_readers,
                  check_half_open, check_storm):
        check(server)
    tap.check_equal("it ends when told to", server.end(), "ended")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
