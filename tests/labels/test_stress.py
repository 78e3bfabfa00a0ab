#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 300
"""Scopes opened and closed at full speed while sampled, threads that exit inside one, misuse."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import truth  # noqa: E402
from truth import tap  # noqa: E402

SECONDS = 60 if os.environ.get("PODO_TEST_LONG") == "1" else 5
FAST = {"PODO_SAMPLE_HZ": "10000", "PODO_INTERVAL": "1s"}


def check_storm():
    run = truth.Run("stress", "storm", SECONDS, deadline=SECONDS + 60, **FAST)
    if run.check_ended():
        touched = sum(n for _, _, n in run.burning("touch_"))
        tap.check(f"storm: samples between two changes of labels ({touched})", touched > 100, run.result)
        truth.check_labels(run, prefix="touch_")
        tap.check_equal("storm: no scope ended in the wrong place", run.facts.get("misplaced"), 0)


def check_exits():
    run = truth.Run("stress", "exits", SECONDS, deadline=SECONDS + 60, **FAST)
    if run.check_ended():
        tap.check(f"exits: {run.facts.get('threads')} threads exited inside a scope",
                  run.facts.get("threads", 0) > 50, run.result)
        inherited = [s for e, s, _ in run.burning() if e == "search" and s.labels.get("endpoint")]
        tap.check("exits: no later thread carries their labels", not inherited, inherited[:3])
        truth.check_labels(run, allowed_none=True)


def check_misuse():
    run = truth.Run("stress", "misuse", SECONDS, deadline=SECONDS + 60, **FAST)
    if run.check_ended():
        truth.check_labels(run, allowed_none=True)
        tap.check_equal("misuse: scopes that ended in the wrong place are counted",
                        run.facts.get("misplaced"), run.facts.get("wrong_places"))


def check_overflow():
    """A service that labels by something endless: counted, said once, and no harm done."""
    run = truth.Run("stress", "storm", 2, PODO_LABEL_SETS="1", PODO_INTERVAL="500ms")
    if run.check_ended():
        seen = {sample.labels.get("endpoint") for _, sample, _ in run.burning("touch_")}
        tap.check("overflow: label sets beyond the limit are __overflow__",
                  "__overflow__" in seen and len(seen) <= 3, seen)
        tap.check("overflow: the log says so once",
                  run.result.stderr.count("new ones become __overflow__") == 1, run.result)


check_storm()
check_overflow()
check_exits()
check_misuse()
sys.exit(tap.done())
