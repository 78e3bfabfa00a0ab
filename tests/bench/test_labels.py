#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 60
"""Entering and leaving scopes, beside a thread-local pointer and a hash map of the same strings."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import figures  # noqa: E402

ROUNDS = 60
# (what, measured, beside, goal)
GOALS = (("a scope of prepared labels, over storing and restoring a thread-local pointer", "prepared",
          "pointer", 5.0),
         ("a scope of two labels that are known, over a flat_hash_map look-up of the strings", "ad_hoc",
          "lookup", 3.0))


def main():
    program = os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_labels")
    result = tap.run([program, str(ROUNDS), "start"], deadline=40,
                     env=tap.clean_environment(PODO_LOG="error"))
    if not tap.check("the scopes are measured to the end", result.returncode == 0, result):
        return tap.done()
    times = {}
    for line in result.stdout.splitlines():
        name, ns = line.split()
        times.setdefault(name, []).append(float(ns))
    control = figures.ratios(times["pointer_again"], times["pointer"])
    for what, ours, beside, goal in GOALS:
        ratio = figures.ratios(times[ours], times[beside])
        figures.record(what, ratio.text("{:.1f}", "x"),
                       f"{figures.Spread(times[ours]).text('{:.1f}', ' ns')} over "
                       f"{figures.Spread(times[beside]).text('{:.2f}', ' ns')}, "
                       f"A/A {control.text('{:.2f}')}",
                       f"<= {goal:.0f}x", figures.judge(ratio.median, goal, ratio.count),
                       ratio=ratio, control=control)
    for name, what in (("span", "a span"), ("capture_and_resume", "capture a context and resume it")):
        spread = figures.Spread(times[name])
        figures.record(what, spread.text("{:.1f}", " ns"), "-", "reported", "reported", ns=spread)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
