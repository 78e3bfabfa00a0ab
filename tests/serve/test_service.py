#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""A real service that shows its own profiles: go tool pprof, the API, and what asking costs it: nothing."""

import json
import os
import re
import shutil
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import pprof_file  # noqa: E402
import tap  # noqa: E402
from linked_service import Service, host_ticks  # noqa: E402

MAX_RECORDINGS = 32  # LiveCaptures::kMax
TEMP = tap.temp_dir()
GO_ENV = tap.clean_environment(HOME=TEMP, PPROF_TMPDIR=TEMP, GOCACHE=os.path.join(TEMP, "go"),
                               GOTOOLCHAIN="local", GOFLAGS=None)


class Served:
    """A service that listens on loopback."""

    def __init__(self, **settings):
        self.port = tap.free_port()
        self.service = Service(port=1, **{"PODO_EXPORT": "", "PODO_LISTEN": f"127.0.0.1:{self.port}",
                                          "PODO_INTERVAL": "1s", **settings})
        self.url = f"http://127.0.0.1:{self.port}"

    def get(self, path, timeout=30, data=None):
        """(status, body)"""
        try:
            with urllib.request.urlopen(self.url + path, data, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def json(self, path):
        return json.loads(self.get(path)[1])

    def record(self, seconds, name="profile"):
        """A recording read back by a reader of our own."""
        path = os.path.join(tap.temp_dir(), name)
        with open(path, "wb") as f:
            f.write(self.get(f"/debug/pprof/profile?seconds={seconds}")[1])
        return pprof_file.Profile(path)


def pprof(*arguments):
    return tap.run([shutil.which("go"), "tool", "pprof", *arguments], 120, env=GO_ENV)


def shares(folded, leaf):
    """Ticks of the stacks that end in `leaf`, and of all."""
    rows = [line.rsplit(" ", 1) for line in folded.decode().splitlines()]
    return sum(int(n) for stack, n in rows if stack.endswith(leaf)), sum(int(n) for _, n in rows)


def check_go_pprof():
    if shutil.which("go") is None:
        return tap.skip("go tool pprof reads a service over HTTP", "go")
    served = Served()
    url = f"{served.url}/debug/pprof/profile?seconds=2"
    top = pprof("-top", url)
    tap.check("go tool pprof fetches a profile and names the functions",
              top.returncode == 0 and "ChargeCard" in top.stdout and "RenderCart" in top.stdout, top)
    tap.check("of as many seconds as were asked for", re.search(r"Duration: 2(\.0\d*)?s,", top.stdout), top)
    tap.check("of CPU time", "Type: cpu\n" in top.stdout, top)
    served.service.ask("slow")
    files = sorted(os.path.join(TEMP, n) for n in os.listdir(TEMP) if n.endswith(".pb.gz"))
    difference = pprof("-top", "-diff_base", files[0], url)
    grown = re.search(r"^\s*[\d.]+m?s\s+[\d.]+%\s+[\d.]+%\s+\S+\s+\S+\s+(\S+)", difference.stdout, re.MULTILINE)
    tap.check("it subtracts an earlier one and names what grew", grown and grown[1].startswith("RenderCart"),
              difference)
    raw = pprof("-raw", url).stdout
    addresses = {m[2]: m[1] for m in re.finditer(r"^\s*\d+: (0x[0-9a-f]+) M=\d+ (\w+)\(int\)", raw, re.MULTILINE)}
    wanted = [addresses["ChargeCard"], addresses["RenderCart"], "0x1"]
    status, body = served.get("/debug/pprof/symbol", data="+".join(wanted).encode())
    tap.check_equal("addresses are named as pprof asks for it", (status, body.decode()),
                    (200, f"num_symbols: 1\n{wanted[0]} ChargeCard(int)\n{wanted[1]} RenderCart(int)\n"))
    text = pprof("-top", f"{served.url}/debug/pprof/heap")
    tap.check("what a C++ process cannot have is an error that the tool shows",
              text.returncode != 0 and "no profile heap in this process" in text.stderr, text)
    served.service.end()
    return None


def check_recordings():
    """Many record at once; windows are cut for it, and sinks see none of that."""
    directory = os.path.join(tap.temp_dir(), "windows")
    served = Served(PODO_EXPORT=f"file://{directory}/")
    found = {}

    def record(seconds, number):
        found[number] = served.record(seconds, f"recording-{number}")

    begin = time.monotonic()
    threads = [threading.Thread(target=record, args=(1 + n % 3, n)) for n in range(12)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    tap.check(f"12 recordings at once take as long as the longest ({time.monotonic() - begin:.1f} s)",
              time.monotonic() - begin < 20)
    tap.check_equal("each has the length asked for, to a tenth of a second",
                    [round(found[n].duration_ns / 1e9, 1) for n in range(12)], [1 + n % 3 for n in range(12)])
    tap.check("each has samples of both functions", all(
        {"ChargeCard(int)", "RenderCart(int)"} <= {s.stack[0] for s in one.named_samples()}
        for one in found.values()))
    stats = served.service.end()
    windows = [pprof_file.Profile(os.path.join(directory, n)) for n in sorted(os.listdir(directory))]
    # A recording that begins or ends cuts a window in two for a moment; a window with no CPU time
    # has no file.
    tap.check_equal("the file sink got whole windows all the while", len(windows), stats["written"])
    tap.check(f"no more of them than seconds ({stats['windows']})", stats["windows"] <= time.monotonic() - begin + 3)
    tap.check_equal("and every tick is in exactly one", sum(w.ticks() for w in windows), host_ticks(stats))


def check_budget():
    """What others ask for must not decide what is sampled (PODO_MAX_OVERHEAD)."""
    budget_s = 1.2  # 0.2 % of ten minutes
    served = Served(PODO_MAX_OVERHEAD="0.2%", PODO_SYMBOLIZE="none")

    def metric(name):
        return float(re.search(rf"^{name} (\S+)$", served.get("/metrics")[1].decode(), re.MULTILINE)[1])

    def asked_enough():
        for _ in range(50):
            served.get("/api/v1/profile?format=html")
        return metric("podo_own_cpu_seconds_total") > 2.5 * budget_s

    tap.check("answers take more than the whole budget", tap.wait_until(asked_enough, 100, 0), metric("podo_own_cpu_seconds_total"))
    looks = served.service.ask()["windows"] + 4  # a window is a second, and so is a look
    tap.wait_until(lambda: served.service.ask()["windows"] >= looks, 20)
    tap.check_equal("and nothing is sampled less for it", (metric("podo_budget_lowered_total"), metric("podo_budget_pauses_total")), (0, 0))
    served.service.end()


def check_gone():
    served = Served()
    clients = []
    for _ in range(MAX_RECORDINGS):
        client = socket.create_connection(("127.0.0.1", served.port))
        client.sendall(b"GET /debug/pprof/profile?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        clients.append(client)
    tap.check("with 32 recordings under way the next one is told to wait", tap.wait_until(
        lambda: served.get("/debug/pprof/profile?seconds=1")[0] == 503, 10))
    for client in clients:
        client.close()
    tap.check("clients that went away leave their places at once", tap.wait_until(
        lambda: served.get("/debug/pprof/profile?seconds=1")[0] == 200, 10))
    client = socket.create_connection(("127.0.0.1", served.port))
    client.sendall(b"GET /debug/pprof/profile?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.3)
    begin = time.monotonic()
    served.service.end()
    tap.check("a recording under way does not hold up the end", time.monotonic() - begin < 5)
    client.close()


def check_api():
    served = Served()
    tap.check("windows are kept", tap.wait_until(
        lambda: served.json("/api/v1/status")["history"]["windows"] >= 3, 20))
    status = served.json("/api/v1/status")
    tap.check_equal("the status says who it is", (status["service"], status["state"], status["window_ms"],
                                                  status["pid"]), ("checkout", "running", 1000, served.service.child.pid))
    labels = {row["key"]: [v["value"] for v in row["values"]] for row in served.json("/api/v1/labels")["labels"]}
    tap.check_equal("labels are listed", sorted(labels.get("endpoint", [])), ["/cart", "/pay"])
    line = served.json("/api/v1/timeline?by=endpoint")
    tap.check("the time line has a point a window and a number a value",
              len(line["points"]) >= 3 and set(line["values"]) >= {"/pay", "/cart"} and all(
                  len(p["cpu"]) == len(line["values"]) for p in line["points"]), line)
    everything, pay, pattern, none = (served.get("/api/v1/profile?format=folded" + more)[1] for more in (
        "", "&label.endpoint=/pay", "&label~.endpoint=/c.*", "&label.endpoint=/nothing"))
    tap.check("a profile has both functions", shares(everything, "ChargeCard(int)")[0] and
              shares(everything, "RenderCart(int)")[0], everything)
    tap.check_equal("one endpoint's has its own only", [shares(pay, f"{f}(int)")[0] > 0 for f in (
        "ChargeCard", "RenderCart")], [True, False])
    tap.check_equal("a pattern chooses values", [shares(pattern, f"{f}(int)")[0] > 0 for f in (
        "ChargeCard", "RenderCart")], [False, True])
    tap.check_equal("a value that nobody has chooses nothing", none, b"")
    status, body = served.get("/api/v1/profile?label~.endpoint=(")
    tap.check("a broken pattern is refused by RE2's words", status == 400 and b"missing )" in body, body)
    served.service.ask("slow")
    served.get("/debug/pprof/profile?seconds=1")
    from_ms = served.json("/api/v1/status")["now_ms"]
    tap.check("windows go on", tap.wait_until(
        lambda: served.json("/api/v1/status")["history"]["end_ms"] > from_ms + 2000, 20))
    params = urllib.parse.urlencode({"from": from_ms, "base_from": "now-1h", "base_until": from_ms - 1500,
                                     "format": "folded"})
    rows = [line.rsplit(" ", 2) for line in served.get("/api/v1/diff?" + params)[1].decode().splitlines()]
    before, after = (sum(int(row[i]) for row in rows) for i in (1, 2))
    growth = {row[0].rsplit(";", 1)[-1]: int(row[2]) / after - int(row[1]) / before for row in rows}
    tap.check_equal("the difference of two ranges names what grew", max(growth, key=growth.get), "RenderCart(int)")
    page = served.get("/")[1].decode()
    tap.check("the page is there", "<canvas id=\"timeline\"" in page and "podo" in page)
    served.service.end()


def check_restart():
    """The past survives a kill -9, with its names, and the next process shows it as its own."""
    directory = os.path.join(tap.temp_dir(), "history")
    served = Served(PODO_HISTORY_DIR=directory)
    tap.check("windows are kept on disk, too", tap.wait_until(
        lambda: served.json("/api/v1/status")["history"]["windows"] >= 3, 20))
    first = served.json("/api/v1/status")
    tap.kill(served.service.child)
    tap.check_equal("its files are the owner's alone", {oct(os.stat(os.path.join(directory, n)).st_mode & 0o777)
                                                       for n in os.listdir(directory)}, {"0o600"})
    served = Served(PODO_HISTORY_DIR=directory)
    until = first["now_ms"]
    tap.check("after a kill -9 the history begins where it began",
              tap.wait_until(lambda: served.json("/api/v1/status")["history"]["begin_ms"] ==
                             first["history"]["begin_ms"], 20), served.json("/api/v1/status"))
    folded = served.get(f"/api/v1/profile?format=folded&from=now-1h&until={until}")[1]
    tap.check("and its functions have their names", shares(folded, "RenderCart(int)")[0] > 0 and
              shares(folded, "ChargeCard(int)")[0] > 0, folded)
    served.service.end()


def check_disturbance():
    """Clients that ask for all they can, as fast as they can: the service and its profiles notice nothing."""
    directory = os.path.join(tap.temp_dir(), "undisturbed")
    served = Served(PODO_EXPORT=f"file://{directory}/")
    quiet_s = 4
    time.sleep(1)
    served.service.ask("latency")
    time.sleep(quiet_s)
    quiet = served.service.ask("latency")
    ends, answers = time.monotonic() + quiet_s, []

    def rage(number):
        targets = ("/api/v1/profile", "/api/v1/timeline?by=endpoint", "/metrics", "/", "/api/v1/profile?format=html",
                   "/debug/pprof/symbol?0x1", "/api/v1/labels", "/%zz", "/api/v1/profile?label~.a=(a*)*b")
        turn = number
        while time.monotonic() < ends:
            try:
                answers.append(served.get(targets[turn % len(targets)], timeout=10)[0])
            except OSError:
                answers.append(0)
            turn += 1

    threads = [threading.Thread(target=rage, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    busy = served.service.ask("latency")
    tap.check(f"{len(answers)} questions were answered meanwhile", len(answers) > 20 and
              set(answers) <= {200, 400, 503}, {a: answers.count(a) for a in set(answers)})
    # Times are told, not judged: two cores serve the clients, the questions and the requests.
    tap.check(f"the service served on: {quiet['requests']} requests of {quiet['p50_us']} us before, "
              f"{busy['requests']} of {busy['p50_us']} us meanwhile", busy["requests"] > 0)
    stats = served.service.end()
    tap.check_equal("no tick was dropped, no profile lost", (stats["taken"] + stats["foreign"], stats["lost"]),
                    (stats["ticks"], 0))
    windows = [pprof_file.Profile(os.path.join(directory, n)) for n in os.listdir(directory)]
    tap.check_equal("and every tick is in a profile", sum(w.ticks() for w in windows), host_ticks(stats))


def check_socket_file():
    """A service that ends, however it does so in peace, leaves no socket behind."""
    path = os.path.join(tap.temp_dir(), "podo.sock")
    for how in ("stop", "exit"):
        service = Service(port=1, PODO_EXPORT="", PODO_LISTEN=f"unix:{path}", PODO_INTERVAL="1s")
        tap.check(f"a socket is there while the service runs ({how})", os.path.exists(path))
        if how == "stop":
            service.ask("stop")
        else:
            service.child.stdin.close()
            service.child.wait(20)
        tap.check(f"and gone after its {how}", not os.path.exists(path))
        tap.kill(service.child)


def check_settings():
    served = Served(PODO_HISTORY_BYTES="0")
    tap.check_equal("history can be off: then there is nothing to ask, and no error",
                    served.json("/api/v1/profile")["resolution"]["windows"], 0)
    taken = Service(port=1, PODO_EXPORT="", PODO_LISTEN=f"127.0.0.1:{served.port}", PODO_INTERVAL="1s")
    tap.check("a taken address is one line, and profiling goes on",
              tap.wait_until(lambda: taken.ask()["windows"] >= 1) and taken.log().splitlines() == [
                  f"podo: cannot listen on 127.0.0.1:{served.port}: Address already in use; profiling goes on "
                  "without the HTTP side"], taken.log())
    taken.end()
    served.service.end()
    for name, value, words in (
            ("PODO_LISTEN", "6060", 'PODO_LISTEN="6060" is not accepted; accepted: ADDRESS:PORT such as'),
            ("PODO_LISTEN", "0.0.0.0:6060", "not listening on 0.0.0.0:6060: others can reach it"),
            ("PODO_LISTEN_TOKEN_FILE", "token", "PODO_LISTEN_TOKEN_FILE (value not shown) is not accepted"),
            ("PODO_LISTEN_TOKEN_FILE", "/dev/null", "the token file /dev/null is not a regular file"),
            ("PODO_HISTORY_BYTES", "5", 'PODO_HISTORY_BYTES="5" is not accepted; accepted: a size of at least 1MiB'),
            ("PODO_HISTORY_DIR", "here", 'PODO_HISTORY_DIR="here" is not accepted; accepted: the absolute path')):
        settings = {"PODO_LISTEN": f"127.0.0.1:{tap.free_port()}", name: value}
        service = Service(port=1, PODO_EXPORT="", PODO_INTERVAL="1s", **settings)
        lines = service.log().splitlines()
        tap.check(f"{name}={value} is one line, and the service runs",
                  service.started["started"] == 0 and len(lines) == 1 and words in lines[0], lines)
        service.end()
    token = os.path.join(TEMP, "token")
    with open(token, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
        f.write("a-good-token\n")
    served = Served(PODO_LISTEN_TOKEN_FILE=token)
    tap.check_equal("with a token file every path wants the token",
                    [served.get(path)[0] for path in ("/", "/metrics", "/healthz", "/debug/pprof/", "/api/v1/status",
                                                      "/nothing")], [401] * 6)
    request = urllib.request.Request(served.url + "/healthz", headers={"Authorization": "Bearer a-good-token"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        tap.check_equal("and with it they are answered", answer.read(), b"ok\n")
    tap.check("the token is nowhere in the log", "a-good-token" not in served.service.log())
    served.service.end()


check_go_pprof()
check_recordings()
check_budget()
check_gone()
check_api()
check_restart()
check_disturbance()
check_socket_file()
check_settings()
sys.exit(tap.done())
