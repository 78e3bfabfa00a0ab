# SPDX-License-Identifier: Apache-2.0
"""Runs a program of this suite under its own deadline, and reads back what it and podo said.

Every run ends with the accounting identity: each tick is taken, or dropped for a named cause.
PODO_TEST_LONG=1 runs the long form.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
import tap  # noqa: E402

LONG = os.environ.get("PODO_TEST_LONG") == "1"
CAUSES = ("taken", "ring_full", "no_ring", "nested", "small_stack", "paused", "foreign")
TOTALS = re.compile(r"^podo: (ticks=.*)$", re.MULTILINE)


def size(short, long):
    return str(long if LONG else short)


def program(name, build=None):
    return os.path.join(build or tap.build_dir(), "tests", "capture", "capture_" + name)


def environment(**changes):
    """As fast as the kernel ticks, every counter in the log, names from symbols only where asked."""
    settings = {"PODO_LOG": "info", "PODO_SAMPLE_HZ": "250", "PODO_SYMBOLIZE": "none",
                "PODO_MAX_OVERHEAD": "off"}  # storms of signals are what is tested here
    settings.update(changes)
    return tap.clean_environment(**settings)


class Ended:
    """One run: `facts` (name=value lines of the program), `totals` (one dict for each Stop)."""

    def __init__(self, result):
        self.result = result
        self.facts = {k: int(v) for k, v in re.findall(r"^(\w+)=(\d+)$", result.stdout, re.MULTILINE)}
        self.lines = result.stdout.splitlines()
        self.log = [line for line in result.stderr.splitlines() if line.startswith("podo: ")]
        self.totals = [{k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", line)}
                       for line in TOTALS.findall(result.stderr)]

    def __str__(self):
        lines = str(self.result).splitlines()
        return "\n".join(lines if len(lines) < 60 else lines[:40] + ["..."] + lines[-20:])

    def rows(self, word):
        """The rest of each line that begins with `word`, split."""
        return [line.split()[1:] for line in self.lines if line.startswith(word + " ")]

    def logged(self, text):
        return [line for line in self.log if text in line]

    def warnings(self):
        """What podo logs beside its figures."""
        return [line for line in self.log
                if not re.match(r"podo: (ticks=|cpu_ms=|profiling )", line)]


def adds_up(totals):
    return totals["ticks"] == sum(totals[cause] for cause in CAUSES)


def run(sentence, case, *arguments, deadline=60, expected=0, totals=True, env=None, build=None):
    """Runs capture_CASE; checks that it ended as expected in time and that the ticks add up."""
    ended = Ended(tap.run([program(case, build), *map(str, arguments)], deadline,
                          env=env or environment()))
    result = ended.result
    tap.check(sentence, not result.timed_out and result.returncode == expected, result)
    if totals:
        name = " ".join(map(str, (case, *arguments)))
        tap.check(f"{name}: every tick is taken or dropped for a named cause",
                  ended.totals and all(adds_up(t) for t in ended.totals),
                  "\n".join(map(str, ended.totals)) or result)
    return ended


class Folded:
    """A folded profile: (frames, root first; ticks or time) of every stack."""

    def __init__(self, path):
        self.stacks = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                for line in f:
                    stack, _, value = line.rpartition(" ")
                    self.stacks.append((stack.split(";"), int(value)))

    def total(self):
        return sum(value for _, value in self.stacks)

    def share(self, wanted):
        """Of the total: the stacks for which wanted(frames) holds."""
        total = self.total()
        return sum(v for frames, v in self.stacks if wanted(frames)) / total if total else 0.0

    def having(self, *names):
        return self.share(lambda frames: all(any(n in f for f in frames) for n in names))

    def __str__(self):
        rows = sorted(self.stacks, key=lambda row: -row[1])[:20]
        return "\n".join(f"{value} {';'.join(f[:40] for f in frames[-9:])}"
                         for frames, value in rows) or "(no stacks)"


def folded_run(sentence, case, *arguments, symbolize="full", interval="10s", env=None, **options):
    """run() with a folded file; returns (Ended, Folded)."""
    path = os.path.join(tap.temp_dir(), "run.folded")
    settings = {"PODO_EXPORT": "file://" + path, "PODO_SYMBOLIZE": symbolize,
                "PODO_INTERVAL": interval, "PODO_EXIT_TIMEOUT": "20s"}
    ended = run(sentence, case, *arguments, env=environment(**{**settings, **(env or {})}), **options)
    return ended, Folded(path)
