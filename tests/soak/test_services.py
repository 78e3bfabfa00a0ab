#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 7200
"""Real services under load for minutes, beside the same service without podo: they serve, end well,
and do not grow. PODO_TEST_SOAK_SECONDS is the time for each (600); arguments choose services (redis, tls, ...)."""

import glob
import os
import re
import shutil
import signal
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import profiled  # noqa: E402
import tap  # noqa: E402

SECONDS = float(os.environ.get("PODO_TEST_SOAK_SECONDS", "600"))
ROUND_S = 2
LONG_S = 120  # podo's own tables and symbols are full by then; in shorter runs growth is shown, not judged
# What memory that is really flat may differ by between two processes of one program: libc's arenas.
FLAT_KIB = 2048


def tree(pid):
    """pid and its children, theirs included."""
    found = [pid]
    for at in found:
        try:
            for task in os.listdir(f"/proc/{at}/task"):
                with open(f"/proc/{at}/task/{task}/children", encoding="ascii") as f:
                    found += [int(word) for word in f.read().split()]
        except OSError:
            pass
    return found


def resident_kib(pid):
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/status", encoding="ascii") as f:
                total += int((re.search(r"VmRSS:\s*(\d+)", f.read()) or [0, 0])[1])
        except OSError:
            pass
    return total


class Side:
    """One process tree of a service, with podo or without."""

    def __init__(self, service, with_podo):
        self.folder = tap.temp_dir("podo-soak-")
        self.with_podo = with_podo
        self.resident, self.latencies, self.refused = [], [], 0
        self.port = tap.free_port()
        self.log = os.path.join(self.folder, "log")
        env = tap.clean_environment()
        if with_podo:
            env = profiled.environment(self.folder, PODO_SAMPLE_HZ="100", PODO_INTERVAL="10s", PODO_FORK="child",
                                       PODO_EXPORT=f"file://{self.folder}/{{pid}}.folded")
        with open(self.log, "wb") as log:
            self.child = tap.start(service.argv(self), env=env, cwd=self.folder, stdout=log, stderr=log)

    def samples(self):
        """Of all processes of the tree, in the files they leave."""
        return sum(profiled.Profile(path, "").total() for path in glob.glob(self.folder + "/*.folded"))

    def totals(self):
        """The closing lines of podo's log, summed over all processes of the tree; those of nginx' workers, which have
        another stderr, are not there."""
        sums = {}
        with open(self.log, encoding="utf-8", errors="replace") as f:
            for line in f:
                if line.startswith(("podo: ticks=", "podo: cpu_ms=")):
                    for key, value in re.findall(r"(\w+)=(\d+)", line):
                        sums[key] = sums.get(key, 0) + int(value)
        return sums


class Service:
    """A server with a load of its own: argv() starts it, load() is one round and gives latencies or None."""
    stop_signal = signal.SIGTERM
    ends_with = (0,)
    ends_by_itself = False

    def await_ready(self, side):
        pass

    def load(self, side):
        time.sleep(ROUND_S)


REDISEARCH = "/usr/lib/redis/modules/redisearch.so"


class Redis(Service):
    """With snapshots, which fork, and a module that has threads of its own and an index to keep."""
    name = "redis-server with a module"

    def argv(self, side):
        return ["redis-server", "--loadmodule", REDISEARCH, "--port", "0", "--unixsocket", side.folder + "/s", "--save", "5", "100", "--daemonize", "no",
                "--dir", side.folder]

    def await_ready(self, side):
        tap.wait_until(lambda: os.path.exists(side.folder + "/s"), 20)
        self.ask(side, "FT.CREATE", "goods", "SCHEMA", "title", "TEXT", "price", "NUMERIC")

    def ask(self, side, *words):
        ended = tap.run(["redis-cli", "-s", side.folder + "/s", *words], deadline=60, env=tap.clean_environment())
        side.refused += ended.returncode != 0 or ended.stdout.startswith("ERR")

    def load(self, side):
        # As many documents for ever, so that what grows is not the index.
        for number in range(20):
            self.ask(side, "FT.ADD", "goods", f"document-{number}", "1.0", "REPLACE", "FIELDS", "title",
                     " ".join(f"word{(number * step) % 97}" for step in range(200)), "price", str(number))
            self.ask(side, "FT.SEARCH", "goods", f"word{number} @price:[0 15]", "LIMIT", "0", "5")
        ended = tap.run(["redis-benchmark", "-s", side.folder + "/s", "-n", "30000", "-r", "5000", "-c", "20", "--csv",
                         "-t", "set,get,lrange_100"], deadline=120, env=tap.clean_environment())
        rows = [line.replace('"', "").split(",") for line in ended.stdout.splitlines()[1:]]
        side.refused += ended.returncode != 0
        return [(float(r[4]), float(r[6])) for r in rows if len(r) >= 7]


class Nginx(Service):
    name = "nginx, two workers"
    stop_signal = signal.SIGQUIT

    def argv(self, side):
        os.mkdir(side.folder + "/www")
        with open(side.folder + "/www/text", "w", encoding="ascii") as f:
            f.write("".join(f"{n * n} " for n in range(5000)))
        with open(side.folder + "/nginx.conf", "w", encoding="ascii") as f:
            f.write(f"""worker_processes 2; user root; pid {side.folder}/pid; error_log {side.folder}/error.log;
              events {{ worker_connections 256; }}
              http {{ access_log off; gzip on; gzip_comp_level 6; gzip_types *;
                server {{ listen 127.0.0.1:{side.port}; root {side.folder}/www; }} }}""")
        return ["/usr/sbin/nginx", "-c", side.folder + "/nginx.conf", "-g", "daemon off;"]

    def await_ready(self, side):
        tap.wait_until(lambda: len(tree(side.child.pid)) == 3, 20)

    def load(self, side):
        ended = tap.run(["ab", "-q", "-c", "8", "-t", str(ROUND_S), "-n", "1000000", "-H", "Accept-Encoding: gzip",
                         f"http://127.0.0.1:{side.port}/text"], deadline=60)
        side.refused += not re.search(r"Failed requests:\s+0\b", ended.stdout)
        found = re.findall(r"^\s+(50|99)%\s+(\d+)", ended.stdout, re.MULTILINE)
        return [tuple(float(ms) for _, ms in found)] if len(found) == 2 else []


class Checkout(Service):
    """Linked, with one line; the bare one is told to stay off."""
    name = "a Beast HTTP service"

    def argv(self, side):
        folder = os.path.join(tap.build_dir(), "examples", "checkout_service")
        off = [] if side.with_podo else ["env", "PODO_ENABLED=false"]
        return [*off, os.path.join(folder, "checkout_service"), "--port", str(side.port), "--threads", "2"]

    def await_ready(self, side):
        tap.wait_until(lambda: "listening" in open(side.log, encoding="utf-8").read(), 20)

    def load(self, side):
        ended = tap.run([os.path.join(tap.build_dir(), "examples", "checkout_service", "checkout_load"), "--port", str(side.port),
                         "--seconds", str(ROUND_S)], deadline=60)
        side.refused += ended.returncode != 0
        found = re.search(r"p50 ([0-9.]+) ms, p99 ([0-9.]+) ms", ended.stdout)
        return [(float(found[1]), float(found[2]))] if found else []


class Tls(Service):
    """Linked, with one line; the bare one is told to stay off."""
    name = "a Beast HTTPS service"

    def argv(self, side):
        pem = side.folder + "/pem"
        tap.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=localhost", "-keyout", pem + ".key", "-out", pem], deadline=60)
        off = [] if side.with_podo else ["env", "PODO_ENABLED=false"]
        return [*off, os.path.join(tap.build_dir(), "tests", "soak", "soak_tls"), str(side.port), pem, pem + ".key"]

    def await_ready(self, side):
        tap.wait_until(lambda: "listening" in open(side.log, encoding="utf-8").read(), 20)

    def load(self, side):
        """Half of the time connections that live, half of it a handshake for each request."""
        rows = []
        for arguments in (["-k"], []):
            ended = tap.run(["ab", "-q", *arguments, "-c", "8", "-t", str(ROUND_S / 2), "-n", "1000000",
                             f"https://127.0.0.1:{side.port}/some/path"], deadline=60)
            side.refused += not re.search(r"Failed requests:\s+0\b", ended.stdout)
            found = re.findall(r"^\s+(50|99)%\s+(\d+)", ended.stdout, re.MULTILINE)
            rows += [tuple(float(ms) for _, ms in found)] if len(found) == 2 else []
        return rows


class Reload(Service):
    """Linked, with one line; the bare one is told to stay off."""
    name = "a program that dlopens and dlcloses for ever"
    ends_with = (0,)
    ends_by_itself = True

    def argv(self, side):
        off = [] if side.with_podo else ["env", "PODO_ENABLED=false"]
        tests = os.path.join(tap.build_dir(), "tests")
        return [*off, os.path.join(tests, "soak", "soak_reload"), os.path.join(tests, "capture"), f"{SECONDS:.0f}"]


class Rocksdb(Service):
    name = "rocksdb's db_bench"
    ends_with = (0,)
    ends_by_itself = True

    def argv(self, side):
        return [shutil.which("db_bench"), "--benchmarks=fillrandom,readwhilewriting", "--num=100000", f"--db={side.folder}/db",
                "--threads=2", f"--duration={SECONDS / 2:.0f}", "--compression_type=none"]


class Luajit(Service):
    name = "luajit, compiling all the time"
    ends_with = (0,)
    ends_by_itself = True

    def argv(self, side):
        with open(side.folder + "/loop.lua", "w", encoding="ascii") as f:
            f.write(f"""local until_s = os.time() + {SECONDS:.0f}
              local n = 0
              while os.time() < until_s do
                n = n + 1
                local f = loadstring("local s = 0 for i = 1, 200000 do s = s + i % " .. (n % 97 + 2) .. " end return s")
                f()
                if n % 50 == 0 then require("jit").flush() end
              end""")
        return ["luajit", side.folder + "/loop.lua"]


class Python(Service):
    name = "python3 with C extensions"
    ends_with = (0,)
    ends_by_itself = True

    def argv(self, side):
        code = ("import hashlib, json, sqlite3, time, zlib\n"
                f"until = time.monotonic() + {SECONDS}\n"
                "db = sqlite3.connect(':memory:'); db.execute('create table t(a, b)')\n"
                "n = 0\n"
                "while time.monotonic() < until:\n"
                "    n += 1\n"
                "    text = json.dumps([n * i for i in range(2000)]).encode()\n"
                "    hashlib.sha256(zlib.compress(text)).hexdigest()\n"
                "    db.execute('insert into t values(?, ?)', (n % 100, n))\n"
                "    if n % 100 == 0: db.execute('delete from t')\n")
        return ["/usr/bin/python3", "-c", code]


def growth(side):
    """KiB that its memory gained from the second quarter of the time to the last."""
    quarter = max(1, len(side.resident) // 4)
    return statistics.median(side.resident[-quarter:]) - statistics.median(side.resident[quarter:2 * quarter])


def latency_text(side):
    if not side.latencies:
        return ""
    return "p50 {:.3f} ms, p99 {:.3f} ms".format(*(statistics.median(x[i] for x in side.latencies) for i in (0, 1)))


def soak(service):
    bare, under = Side(service, False), Side(service, True)
    for side in (bare, under):
        service.await_ready(side)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for side in (bare, under):
            side.latencies += service.load(side) or []
        for side in (bare, under):
            side.resident.append(resident_kib(side.child.pid))
    for side in (bare, under):
        if not service.ends_by_itself:
            side.child.send_signal(service.stop_signal)
        tap.wait_until(lambda s=side: s.child.poll() is not None, 60 + (SECONDS if service.ends_by_itself else 0))
    tap.check(f"{service.name}: serves to its end and ends as without podo", under.child.poll() == bare.child.poll() and
              under.child.poll() in service.ends_with and under.refused == bare.refused == 0,
              f"{bare.child.poll()} {under.child.poll()} refused {bare.refused} {under.refused}")
    totals, samples = under.totals(), under.samples()
    tap.check(f"{service.name}: is profiled, every tick accounted for", samples > SECONDS and totals.get("ticks", 0) == sum(
        totals.get(cause, 0) for cause in ("taken", "ring_full", "no_ring", "nested", "small_stack", "paused", "foreign")), (samples, totals))
    more = growth(under) - growth(bare)
    if SECONDS >= LONG_S:
        tap.check(f"{service.name}: its memory grows no more than without podo ({more:+.0f} KiB)", more <= FLAT_KIB,
                  f"without: {bare.resident}\nwith: {under.resident}")
    lost = {cause: totals[cause] for cause in ("ring_full", "no_ring", "nested", "small_stack", "lost") if totals.get(cause)}
    print(f"# {service.name}: {samples} samples, lost: {lost or 'none'}; memory {statistics.median(under.resident) / 1024:.1f} MiB, "
          f"{more:+.0f} KiB in the second half (without podo {statistics.median(bare.resident) / 1024:.1f} MiB); "
          f"{latency_text(under)} (without {latency_text(bare)})", flush=True)


def missing(service):
    """What it needs and this machine has not, or None."""
    if isinstance(service, Redis) and not os.path.exists(REDISEARCH):
        return "redis-redisearch"
    if isinstance(service, Tls) and tap.run(["ninja", "-C", tap.build_dir(), "tests/soak/soak_tls"], deadline=300).returncode != 0:
        return "OpenSSL"
    return None


def main():
    services = [Redis(), Nginx(), Checkout(), Tls(), Rocksdb(), Luajit(), Python(), Reload()]
    wanted = sys.argv[1:]  # names of classes; all without any
    for service in services:
        if wanted and type(service).__name__.lower() not in wanted:
            continue
        if what := missing(service):
            tap.skip(f"{service.name}: soak", what)
        else:
            soak(service)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
