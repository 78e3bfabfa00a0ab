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
WAYS = ("threads", "handlers", "executor", "coroutines", "fibers", "coroutine2", "ucontext")
FIBERS = ("fibers", "coroutine2", "ucontext")


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
    """A fiber's stack ends at the function that the fiber began with.

    Samples taken before the unwind rows are ready are finished by libunwind, which finds these
    frames, too, but not that they are all there are: Boost's trampoline has no end that it knows.
    """
    whole = lost = unsure = 0
    for _, sample, count in run.burning():
        if any("FiberBody" in name for name in sample.stack):
            whole += count
        else:
            lost += count
        unsure += count if "[incomplete stack]" in sample.stack else 0
    tap.check(f"{way}: samples reach the root of their fiber ({whole}, not {lost})",
              whole >= 0.995 * (whole + lost) > 0, run.result)
    tap.check(f"{way}: those that the handler walked know that they did ({unsure} of libunwind's do not)",
              unsure <= run.totals.get("residue", 0), run.result)


truth.check_the_checkers()
for each in WAYS:
    check_way(each)
sys.exit(tap.done())
