#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 800
"""Labels tell the truth: shares known by the CPU clock, work handed over in every way."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import truth  # noqa: E402
from truth import tap  # noqa: E402

CPU_SECONDS = 40 if os.environ.get("PODO_TEST_LONG") == "1" else 3
WAYS = ("threads", "handlers", "executor", "coroutines", "fibers", "ucontext")
FIBERS = ("fibers", "ucontext")


def check_way(way):
    run = truth.Run("truth", way, CPU_SECONDS, deadline=20 * CPU_SECONDS + 60)
    if "missing" in run.result.stdout:
        tap.skip(f"labels are true with {way}", run.result.stdout.split()[1])
        return
    if not run.check_ended():
        return
    truth.check_shares(run)
    truth.check_labels(run)
    tap.check_equal(f"{way}: no scope ended in the wrong place", run.facts.get("misplaced"), 0)
    if way in FIBERS:
        check_roots(way, run)


def check_roots(way, run):
    """A fiber's stack ends at the function that the fiber began with."""
    whole = lost = 0
    for _, sample, count in run.burning():
        if any("FiberBody" in name for name in sample.stack) and "[incomplete stack]" not in sample.stack:
            whole += count
        else:
            lost += count
    tap.check(f"{way}: samples reach the root of their fiber ({whole}, not {lost})",
              whole >= 0.995 * (whole + lost) > 0,
              next((s.stack for _, s, _ in run.burning() if "[incomplete stack]" in s.stack), ""))


truth.check_the_checkers()
for each in WAYS:
    check_way(each)
sys.exit(tap.done())
