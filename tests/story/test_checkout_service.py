#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 120
"""The quickstart's service by itself: its sums, its refusals, its limits, its end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

PROGRAM = os.path.join(tap.build_dir(), "examples", "checkout_service", "checkout_service")
BODY_LIMIT = 128 * 1024


def start_service():
    child = tap.start([PROGRAM, "--port", "0"], env=tap.clean_environment(),
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    line = child.stdout.readline()
    found = re.fullmatch(r"checkout_service: listening on 127\.0\.0\.1:(\d+)\n", line)
    if not tap.check("the service says where it listens", found, line):
        sys.exit(tap.done())
    return child, int(found[1])


class Client:
    """One keep-alive connection."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def ask(self, method, path, body=None, headers=None):
        """(status, JSON or None, headers)"""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        raw = response.read()
        return response.status, json.loads(raw) if raw else None, response.headers


def cart(**changes):
    full = {"customer": "Ada", "country": "DE", "items": [{"sku": "POT-CLAY", "quantity": 1}]}
    full.update(changes)
    return {name: value for name, value in full.items() if value is not None}


# Worked out by hand from the price list: cents, tax of a line rounded half up.
SUMS = [
    ("one piece at the standard rate: 49.00 + 19 %", cart(), (4900, 0, 931, 5831)),
    ("two books at the reduced rate: 24.00 + 7 %",
     cart(items=[{"sku": "BOOK-TEA", "quantity": 2}]), (2400, 0, 168, 2568)),
    ("another country's rate: 49.00 + 21 %", cart(country="NL"), (4900, 0, 1029, 5929)),
    ("half a cent of tax rounds up: 8.90 + 5.5 % = 0.4895",
     cart(country="FR", items=[{"sku": "TEA-GREEN", "quantity": 1}]), (890, 0, 49, 939)),
    ("ten pieces get 5 % off: 79.00 - 3.95",
     cart(items=[{"sku": "TEA-BLACK", "quantity": 10}]), (7900, 395, 525, 8030)),
    ("nine pieces get nothing off",
     cart(items=[{"sku": "TEA-BLACK", "quantity": 9}]), (7110, 0, 498, 7608)),
    ("the coupon takes 10 % off: 49.00 - 4.90", cart(coupon="WELCOME10"), (4900, 490, 838, 5248)),
    ("the coupon takes nothing off a cart below 20.00",
     cart(coupon="WELCOME10", items=[{"sku": "BOOK-TEA", "quantity": 1}]), (1200, 0, 84, 1284)),
    ("the coupon comes after the volume discount, line by line",
     cart(coupon="WELCOME10", items=[{"sku": "TEA-GREEN", "quantity": 12},
                                     {"sku": "POT-CLAY", "quantity": 1}]),
     (15580, 2039, 1477, 15018)),
]

REFUSALS = [
    ("a body that is no JSON", '{"customer":', "not JSON"),
    ("a body that is not UTF-8", b'{"customer":"\xff\xfe"}', "not JSON"),
    ("a number beyond any double", '{"customer":1e999}', "not JSON"),
    ("a body that is no object", "[]", "body: expected"),
    ("no customer", cart(customer=None), "customer:"),
    ("a customer that is a number", cart(customer=7), "customer:"),
    ("a country without sales", cart(country="XX"), 'country: no sales to "XX"'),
    ("no items", cart(items=[]), "items:"),
    ("an item that is no object", cart(items=[1]), "sku:"),
    ("an unknown product", cart(items=[{"sku": "NOPE", "quantity": 1}]), '"NOPE"'),
    ("a quantity of nothing", cart(items=[{"sku": "POT-CLAY", "quantity": 0}]), "quantity:"),
    ("half a piece", cart(items=[{"sku": "POT-CLAY", "quantity": 0.5}]), "quantity:"),
    ("a quantity that would wrap", cart(items=[{"sku": "POT-CLAY", "quantity": 2**64 - 1}]),
     "quantity:"),
    ("an unknown coupon", cart(coupon="FREE"), '"FREE"'),
    ("a note that is no object", cart(note="hello"), "note:"),
]


def check_sums(client):
    for sentence, body, expected in SUMS:
        status, answer, _ = client.ask("POST", "/checkout", body)
        names = ("subtotal_cents", "discount_cents", "tax_cents", "total_cents")
        got = tuple(answer.get(n) for n in names) if status == 200 else (status, answer)
        tap.check_equal(f"checkout: {sentence}", got, expected)


def check_refusals(client):
    for what, body, message in REFUSALS:
        status, answer, _ = client.ask("POST", "/checkout", body)
        tap.check(f"checkout: {what} gets 400 and a message with {message!r}",
                  status == 400 and message in answer["error"], (status, answer))


def check_notes(client):
    note = {"text": "a </script> & <b>", "list": [1, 2.5, None, True, {}, []], "\u00e9\n": {"x": "y"}}
    _, answer, _ = client.ask("POST", "/checkout", cart(note=note))
    tap.check_equal("a note comes back as it was sent", answer.get("note"), note)
    client.connection.request("POST", "/checkout", json.dumps(cart(customer="<&>", note=note)))
    raw = client.connection.getresponse().read().decode()
    tap.check("no answer holds markup", not re.search("[<>&]", raw), raw)
    depth = 20000
    deep = '{"customer":"A","country":"DE","items":[{"sku":"POT-CLAY","quantity":1}],"note":'
    deep += '{"a":' * depth + "1" + "}" * depth + "}"
    client.connection.request("POST", "/checkout", deep)
    response = client.connection.getresponse()
    raw = response.read().decode()
    tap.check(f"a note {depth:,} levels deep comes back and does not end the service",
              response.status == 200 and raw.count('{"a":') == depth, (response.status, raw[:200]))


def check_payment(client):
    _, receipt, _ = client.ask("POST", "/checkout", cart())
    pay = {"receipt": receipt["receipt"], "amount_cents": receipt["total_cents"]}
    wrong = dict(pay, amount_cents=1)
    tap.check_equal("paying another amount gets 409", client.ask("POST", "/pay", wrong)[0], 409)
    tap.check_equal("paying a receipt gets 200", client.ask("POST", "/pay", pay)[:2],
                    (200, {"paid": pay["receipt"]}))
    tap.check_equal("paying it twice gets 409", client.ask("POST", "/pay", pay)[0], 409)
    unknown = dict(pay, receipt="R-0")
    tap.check_equal("paying an unknown receipt gets 404", client.ask("POST", "/pay", unknown)[0], 404)


def check_paths(client):
    tap.check_equal("GET /healthz is ok", client.ask("GET", "/healthz?x=1")[:2], (200, {"status": "ok"}))
    products = client.ask("GET", "/products")[1]["products"]
    tap.check("GET /products lists skus and prices",
              {"sku": "POT-CLAY", "name": "Clay teapot, 0.8 l", "price_cents": 4900} in products, products)
    status, answer, _ = client.ask("GET", "/nowhere")
    tap.check("an unknown path gets 404 and a message", status == 404 and answer["error"], (status, answer))
    status, answer, headers = client.ask("GET", "/checkout")
    tap.check("a wrong method gets 405, a message and what is allowed",
              status == 405 and answer["error"] and headers["Allow"] == "POST", (status, answer, headers))
    status, answer, headers = client.ask("HEAD", "/products")
    tap.check("HEAD gets the head of GET and no body",
              status == 200 and answer is None and int(headers["Content-Length"]) > 0, headers)


def check_limits(port):
    status, answer, _ = Client(port).ask("POST", "/checkout", b" " * (BODY_LIMIT + 1))
    tap.check("a body over the limit gets 413 and a message", status == 413 and answer["error"], answer)
    chunks = iter([b" " * 65536] * 3)
    client = Client(port)
    client.connection.request("POST", "/checkout", chunks, encode_chunked=True)
    status = client.connection.getresponse().status
    tap.check_equal("a chunked body over the limit gets 413", status, 413)
    status, _, _ = Client(port).ask("GET", "/healthz", headers={"X-Long": "a" * 9000})
    tap.check_equal("a header over the limit gets 431", status, 431)
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        raw.sendall(b"this is not HTTP\r\n\r\n")
        answer = raw.recv(4096)
    tap.check("what is not HTTP gets 400", answer.startswith(b"HTTP/1.1 400 "), answer)


def check_end(child, port):
    idle = socket.create_connection(("127.0.0.1", port), 10)
    busy = socket.create_connection(("127.0.0.1", port), 10)
    busy.sendall(b"POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                 b"Expect: 100-continue\r\n\r\n")
    tap.check("who asks before sending a body is told to go on",
              busy.recv(4096).startswith(b"HTTP/1.1 100 "))
    child.send_signal(signal.SIGTERM)
    tap.check_equal("after SIGTERM an idle connection is closed", idle.recv(10), b"")
    busy.sendall(b"{}")
    answer = b"".join(iter(lambda: busy.recv(4096), b""))
    tap.check("after SIGTERM a request under way is answered, and its connection closed",
              answer.startswith(b"HTTP/1.1 400 ") and b"Connection: close" in answer, answer)
    idle.close()
    busy.close()
    tap.check_equal("after SIGTERM the service ends with status 0", child.wait(10), 0)


def check_arguments():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = tap.run([PROGRAM, "--port", str(port)], env=tap.clean_environment())
    tap.check("a port that is taken: status 1 and one line that names it",
              result.returncode == 1 and f"127.0.0.1:{port}: Address already in use" in result.stderr
              and result.stderr.count("\n") == 1, result)
    for arguments, message in [(["--port", "70000"], "0 to 65535"), (["--threads", "0"], "1 to 256"),
                               (["--port"], "missing"), (["--prot", "1"], "known: --port --threads")]:
        result = tap.run([PROGRAM, *arguments], env=tap.clean_environment())
        tap.check(f"{' '.join(arguments)}: status 2 and a line with '{message}'",
                  result.returncode == 2 and message in result.stderr, result)


def main():
    child, port = start_service()
    client = Client(port)
    check_sums(client)
    check_refusals(client)
    check_notes(client)
    check_payment(client)
    check_paths(client)
    check_limits(port)
    check_end(child, port)
    check_arguments()


main()
sys.exit(tap.done())
