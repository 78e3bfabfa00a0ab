# SPDX-License-Identifier: Apache-2.0
"""Runs a program of this suite under podo and reads its profiles back, with a reader of our own."""

import collections
import math
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
import pprof_file  # noqa: E402
import tap  # noqa: E402

# Of a normal distribution: one false alarm in 150,000 shares looked at.
Z = 4.5
CAUSES = ("taken", "ring_full", "no_ring", "nested", "small_stack", "paused", "foreign")


class Run:
    """One run: what the program printed, podo's totals, and the samples."""

    def __init__(self, case, *arguments, deadline=60, **environment):
        program = os.path.join(tap.build_dir(), "tests", "labels", "labels_" + case)
        directory = tap.temp_dir()
        settings = {"PODO_EXPORT": f"file://{directory}/", "PODO_LOG": "info", "PODO_INTERVAL": "5s",
                    "PODO_SAMPLE_HZ": "250", "PODO_SYMBOLIZE": "none", "PODO_EXIT_TIMEOUT": "20s"}
        settings.update(environment)
        self.result = tap.run([program, *map(str, arguments)], deadline,
                              env=tap.clean_environment(**settings))
        self.name = " ".join(map(str, (case, *arguments)))
        self.ended = self.result.returncode == 0 and not self.result.timed_out
        self.samples = (pprof_file.read_directory(directory, pprof_file.Symbols(program))
                        if self.ended else [])
        self.cpu_ns = {k: int(v) for k, v in re.findall(r"^cpu (\w+) (\d+)$", self.result.stdout,
                                                        re.MULTILINE)}
        self.facts = {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", self.result.stdout,
                                                       re.MULTILINE)}
        totals = re.findall(r"^podo: (ticks=.*)$", self.result.stderr, re.MULTILINE)
        self.totals = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", "\n".join(totals))}

    def check_ended(self):
        tap.check(f"{self.name}: it ends well", self.ended, self.result)
        tap.check(f"{self.name}: every tick is taken or dropped for a named cause",
                  self.totals.get("ticks", 0) > 0 and self.totals["ticks"] == sum(
                      self.totals[c] for c in CAUSES), self.result)
        return self.ended

    def burning(self, prefix="burn_"):
        """(endpoint that the stack names, sample, count) of all samples in such functions."""
        for sample in self.samples:
            names = [n.split("::")[-1] for n in sample.stack]
            of = [n[len(prefix):] for n in names if n.startswith(prefix)]
            if of:
                yield of[0], sample, sample.values[0]


def wrong_labels(run, allowed_none=False, prefix="burn_"):
    """Samples whose label is not what their stack says."""
    wrong = collections.Counter()
    for endpoint, sample, count in run.burning(prefix):
        label = sample.labels.get("endpoint")
        if label != endpoint and not (label is None and allowed_none):
            wrong[f"in {prefix}{endpoint}: {label}"] += count
    return wrong


def check_shares(run):
    """Each label has the share of the samples that its endpoint has of the CPU clock's time."""
    counts = collections.Counter()
    for _, sample, count in run.burning():
        counts[sample.labels.get("endpoint")] += count
    total, cpu = sum(counts.values()), sum(run.cpu_ns.values())
    tap.check(f"{run.name}: there are samples to judge ({total})", total > 300, run.result)
    for endpoint, ns in sorted(run.cpu_ns.items()):
        share = ns / cpu
        bound = Z * math.sqrt(share * (1 - share) / max(total, 1))
        seen = counts[endpoint] / max(total, 1)
        tap.check(f"{run.name}: {endpoint} has its share of samples, within {Z} standard errors",
                  abs(seen - share) <= bound,
                  f"CPU {share:.4f}, samples {seen:.4f} of {total}, bound {bound:.4f}")


def check_the_checkers():
    """A checker that sees nothing would pass for ever."""
    class Made:
        samples = [pprof_file.Sample(["Burn", "burn_pay", "main"], [3, 0], {"endpoint": "list"}),
                   pprof_file.Sample(["Burn", "burn_pay", "main"], [2, 0], {}),
                   pprof_file.Sample(["Burn", "burn_list", "main"], [1, 0], {"endpoint": "list"})]
        burning = Run.burning
    tap.check_equal("wrong and missing labels would be seen", dict(wrong_labels(Made())),
                    {"in burn_pay: list": 3, "in burn_pay: None": 2})


def check_labels(run, **how):
    wrong = wrong_labels(run, **how)
    tap.check(f"{run.name}: no sample has a wrong label", not wrong, dict(wrong))
