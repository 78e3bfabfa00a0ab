# SPDX-License-Identifier: Apache-2.0
"""Runs clock_case under one clock and compares what podo says with what its threads measured."""

import math
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
import profiled  # noqa: E402
import tap  # noqa: E402

PROGRAM = os.path.join(tap.build_dir(), "tests", "accuracy", "clock_case")
CLOCKS = ("itimer", "process", "thread", "auto")  # perf needs the kernel's leave
# Of a normal distribution: one false alarm in 150,000 shares looked at.
Z = 4.5


class Run:
    def __init__(self, clock, scenario, threads, ms, **changes):
        folder = tap.temp_dir()
        settings = {"PODO_CLOCK": clock, "PODO_INTERVAL": "1s", "PODO_SYMBOLIZE": "functions",
                    "PODO_SAMPLE_HZ": "100"}
        environment = profiled.environment(folder, **{**settings, **changes})
        del environment["LD_PRELOAD"]
        self.name = f"{clock}, {scenario} x {threads}"
        self.result = tap.run([PROGRAM, scenario, str(threads), str(ms)], 120, env=environment)
        self.profile = profiled.read(folder, self.result.stderr)
        self.log = [line for line in self.result.stderr.splitlines() if line.startswith("podo: ")]
        facts = dict(re.findall(r"^(\w+) (\d+)$", self.result.stdout, re.MULTILINE))
        self.facts = {k: int(v) for k, v in facts.items()}
        self.cpu_ns = {int(k): int(v) for k, v in
                       re.findall(r"^cpu Work<(\d+)> (\d+)$", self.result.stdout, re.MULTILINE)}
        self.samples = {k: self.profile.with_frame(rf"\bWork<{k}>") for k in self.cpu_ns}

    def shares(self):
        """{function: (share of the samples, share of the CPU time)}"""
        samples, cpu = sum(self.samples.values()), sum(self.cpu_ns.values())
        return {k: (self.samples[k] / samples if samples else 0, self.cpu_ns[k] / cpu)
                for k in self.cpu_ns}

    def worst_error(self):
        return max((abs(seen - true) for seen, true in self.shares().values()), default=1)

    def worst_z(self):
        """The worst error of a share in units of what random sampling gives."""
        samples = max(1, sum(self.samples.values()))
        return max((abs(seen - true) / math.sqrt(max(true * (1 - true), 1e-9) / samples)
                    for seen, true in self.shares().values()), default=1e9)

    def total_ratio(self):
        """Ticks of the functions, at the nominal period, over the CPU time they used."""
        cpu_ns = sum(self.cpu_ns.values())
        hz = self.profile.totals.get("hz", 0)
        return sum(self.samples.values()) * 1e9 / hz / cpu_ns if cpu_ns and hz else 0

    def check_ended(self):
        tap.check(f"{self.name}: it ends well and every tick is accounted for",
                  self.result.returncode == 0 and self.profile.accounts(), self.result)
        return self.result.returncode == 0
