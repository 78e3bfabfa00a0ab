# SPDX-License-Identifier: Apache-2.0
"""Figures of the bench suite: paired statistics, one row a measure, kept in build/bench/results.json.

A figure is measured, not asserted: a missed goal is said in words. Nothing is claimed that the A/A
control of the same run could show by itself: then the row says `not resolvable here`."""

import fcntl
import json
import os
import statistics
import time

import tap

NOT_RESOLVABLE = "not resolvable here"
PAIRS = 20


class Spread:
    """Median and quartiles of repeated figures."""

    def __init__(self, values):
        self.values = sorted(values)
        self.count = len(self.values)
        if not self.values:
            raise ValueError("no figures to take a median of")
        self.median = statistics.median(self.values)
        cuts = statistics.quantiles(self.values, n=4) if self.count > 1 else [self.values[0]] * 3
        self.low, self.high = cuts[0], cuts[2]

    def text(self, form="{:.2f}", unit=""):
        low, high = form.format(self.low), form.format(self.high)
        return f"{form.format(self.median)}{unit} [{low} .. {high}]"

    def as_json(self):
        return {"median": self.median, "q1": self.low, "q3": self.high, "n": self.count}


def ratios(values, references):
    return Spread([v / r for v, r in zip(values, references)])


def width(control):
    """How far the quartiles of an A/A ratio stand from 1."""
    return max(abs(control.low - 1), abs(control.high - 1))


def judge(figure, goal, pairs, effect=None, noise=None):
    """The verdict on `figure` <= `goal`; effect and noise are in the same unit."""
    if pairs < PAIRS:
        return f"{NOT_RESOLVABLE} (only {pairs} pairs in the time there was)"
    if effect is not None and noise is not None and noise >= abs(effect):
        bound = figure + noise
        return NOT_RESOLVABLE + (", below the goal in any case" if bound <= goal else "")
    return "meets its goal" if figure <= goal else "misses its goal"


def results_path():
    return os.path.join(tap.build_dir(), "bench", "results.json")


def read_rows():
    try:
        with open(results_path(), encoding="utf-8") as f:
            return json.load(f)["rows"]
    except (OSError, ValueError, KeyError):
        return {}


def record(measure, podo, beside, goal, verdict, **details):
    """One row of the table and one `ok - measured` line."""
    os.makedirs(os.path.dirname(results_path()), exist_ok=True)
    with open(results_path() + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = read_rows()
        rows.pop(measure, None)
        plain = {k: v.as_json() if isinstance(v, Spread) else v for k, v in details.items()}
        rows[measure] = {"podo": podo, "beside": beside, "goal": goal, "verdict": verdict,
                         "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                         "load": os.getloadavg()[0], "details": plain}
        with open(results_path() + ".new", "w", encoding="utf-8") as f:
            json.dump({"cores": os.cpu_count(), "rows": rows}, f, indent=1)
        os.rename(results_path() + ".new", results_path())
    tap.check(f"measured {measure}: {podo}; beside it {beside}; goal {goal}: {verdict}", True)


def table(rows):
    """The rows as aligned text, every line beginning with `| `."""
    head = ("measure", "podo", "peers / control", "goal", "verdict")
    cells = [head] + [(m, r["podo"], r["beside"], r["goal"], r["verdict"]) for m, r in rows.items()]
    widths = [max(len(c[i]) for c in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in cells]
    return [lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]]
