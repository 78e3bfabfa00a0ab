#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 1200
"""What podo adds to the latency of a Beast HTTP service at 70 % load: an open loop on one core, the service on the other."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import figures  # noqa: E402
import tap  # noqa: E402

RUN_S = 3
LOAD = 0.7
MEASURES = ("p50", "p99", "p99.9", "max")
SERVICE_CORE, LOAD_CORE = "0", "1"


class Service:
    """A checkout_service of one thread on its own core; the three of a run wait idle in turn."""

    def __init__(self, **settings):
        folder = tap.temp_dir()
        env = tap.clean_environment(PODO_EXPORT=f"file://{folder}/", **settings)
        self.log = os.path.join(folder, "log")
        with open(self.log, "wb") as log:
            self.child = tap.start(
                ["taskset", "-c", SERVICE_CORE, os.path.join(tap.build_dir(), "examples", "checkout_service", "checkout_service"),
                 "--port", "0", "--threads", "1"], env=env, stdout=log, stderr=log)
        self.port = tap.wait_until(self._port, 20)

    def _port(self):
        with open(self.log, encoding="utf-8") as f:
            found = re.search(r"listening on \S+:(\d+)", f.read())
        return int(found[1]) if found else 0

    def cpu_s(self):
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, rate, seconds, seed):
        """(requests, errors, [p50, p99, p99.9, max] in us)."""
        ended = tap.run(["taskset", "-c", LOAD_CORE, os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_open_load"),
                         str(self.port), f"{rate:.0f}", str(seconds), str(seed)], deadline=seconds + 60)
        numbers = ended.stdout.split()
        if ended.returncode != 0 or len(numbers) != 6:
            raise RuntimeError(str(ended))
        return int(numbers[0]), int(numbers[1]), [float(n) for n in numbers[2:]]


def rate_at(load, service):
    """Requests a second that keep the service's core busy for that share of the time."""
    service.ask(500, 1, 1)
    before = service.cpu_s()
    asked, _, _ = service.ask(1000, 4, 2)
    used = service.cpu_s() - before
    return load * asked / 0.9 / used  # nine tenths of the requests are counted


def main():
    off, on, again = Service(PODO_ENABLED="false"), Service(), Service(PODO_ENABLED="false")
    rate = rate_at(LOAD, off)
    print(f"# {rate:.0f} requests/s are {LOAD:.0%} of a core")
    rounds = []
    errors = 0
    for i in range(figures.PAIRS):
        order = [("off", off), ("on", on), ("again", again)]
        order = order[i % 3:] + order[:i % 3]
        got = {}
        for name, service in order:
            _, failed, got[name] = service.ask(rate, RUN_S, 100 + i)
            errors += failed
        rounds.append(got)
    for service in (off, on, again):
        tap.kill(service.child)
    tap.check_equal("every request of the load is answered", errors, 0)
    for at, name in enumerate(MEASURES):
        ratio = figures.ratios([r["on"][at] for r in rounds], [r["off"][at] for r in rounds])
        control = figures.ratios([r["again"][at] for r in rounds], [r["off"][at] for r in rounds])
        noise = figures.width(control)
        goal = 1.02
        verdict = figures.judge(ratio.median, goal, ratio.count, ratio.median - 1, noise)
        if name in ("p99.9", "max"):
            verdict = "reported, not judged"
        alone = figures.Spread([r["off"][at] for r in rounds])
        figures.record(f"latency of a Beast service at 70 % load, {name}", ratio.text("{:.3f}", "x"),
                       f"A/A {control.text('{:.3f}', 'x')}; without podo {alone.text('{:.0f}', ' us')}",
                       f"<= {goal}x", verdict, ratio=ratio, control=control, off=alone)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
