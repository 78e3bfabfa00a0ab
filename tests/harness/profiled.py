# SPDX-License-Identifier: Apache-2.0
"""Runs a program under the preload library and reads what podo says of it."""

import os
import re

import tap

ROOTLESS = ("[incomplete stack]", "[module replaced]")
DROPPED = ("[dropped: ", "[paused]", "[threads blocking SIGPROF]", "[not sampled]")


class Profile:
    """The folded file of a run and the closing lines of its log."""

    def __init__(self, folded_path, log):
        self.samples = {}
        if os.path.exists(folded_path):
            with open(folded_path, encoding="utf-8") as f:
                for line in f:
                    stack, _, count = line.rstrip("\n").rpartition(" ")
                    self.samples[stack] = self.samples.get(stack, 0) + int(count)
        self.totals = {k: float(v) for k, v in re.findall(r"(\w+)=([0-9.]+)", "\n".join(
            l for l in log.splitlines() if l.startswith("podo: ")))}

    def total(self):
        return sum(self.samples.values())

    def walked(self):
        return sum(n for s, n in self.samples.items() if not s.startswith(DROPPED))

    def reached_root(self):
        """Share of walked stacks that end at their outermost frame."""
        lost = sum(n for s, n in self.samples.items() if s.startswith(ROOTLESS))
        return 1 - lost / self.walked() if self.walked() else 0.0

    def with_frame(self, pattern):
        return sum(n for s, n in self.samples.items() if re.search(pattern, s))

    def sampling_ratio(self):
        host_ms = self.totals.get("cpu_ms", 0) - self.totals.get("own_cpu_us", 0) / 1000
        ticks = self.totals.get("ticks", 0) - self.totals.get("own_ticks", 0) - self.totals.get("foreign", 0)
        return ticks * 1000 / self.totals["hz"] / host_ms if host_ms > 0 else 0.0

    def accounts(self):
        t = self.totals
        return "ticks" in t and t["ticks"] == sum(
            t[k] for k in ("taken", "ring_full", "no_ring", "nested", "small_stack", "paused", "foreign"))

    def summary(self):
        return (f"{self.total()} samples, {100 * self.reached_root():.2f} % reach the root, "
                f"sampling_ratio {self.sampling_ratio():.3f}, {self.totals}")


def environment(directory, **changes):
    """The variables that profile one program into `directory`/run.folded, its log on stderr."""
    settings = {"LD_PRELOAD": os.path.join(tap.build_dir(), "lib", "libpodo_preload.so"),
                "PODO_EXPORT": f"file://{directory}/run.folded,file://{directory}/",
                "PODO_SAMPLE_HZ": "250", "PODO_INTERVAL": "2s", "PODO_LOG": "info",
                "PODO_EXIT_TIMEOUT": "20s"}
    settings.update(changes)
    return tap.clean_environment(**settings)


def read(directory, log):
    return Profile(os.path.join(directory, "run.folded"), log)


def without_log(stderr):
    return "".join(l for l in stderr.splitlines(keepends=True) if not l.startswith("podo: "))
