#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 420
"""What a collector that hangs costs the service: Start(), requests, and its exit, beside a collector that answers."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "export"))
import figures  # noqa: E402
import tap  # noqa: E402
from receiver import Receiver, Stub  # noqa: E402

LIFE_MS = 1500
EXIT_TIMEOUT_S = 2


def once(port):
    """What the program says of itself, and how long it lived beyond its work."""
    case = os.path.join(tap.build_dir(), "tests", "export", "podo_delivery_case")
    result = tap.run([case, str(LIFE_MS)], 30, env=tap.clean_environment(
        PODO_EXPORT=f"otlp+http://127.0.0.1:{port}", PODO_INTERVAL="200ms", PODO_LOG="off",
        PODO_EXIT_TIMEOUT=f"{EXIT_TIMEOUT_S}s"))
    if result.returncode != 0:
        raise RuntimeError(f"podo_delivery_case: {result}")
    report = {}
    for line in result.stdout.splitlines():
        report.update(json.loads(line))
    report["exit_ms"] = 1000 * result.seconds - LIFE_MS
    return report


def main():
    answers = Receiver(lambda path: (200, {}, b""))
    hangs = Stub(lambda connection: time.sleep(3600))
    good, hanging, again = [], [], []
    for _ in range(figures.PAIRS):
        good.append(once(answers.port))
        hanging.append(once(hangs.port))
        again.append(once(answers.port))
    for key, name in (("start_us", "Start()"), ("p50_us", "a request, median"), ("p99_us", "a request, 99th percentile")):
        ratio = figures.ratios([h[key] for h in hanging], [g[key] for g in good])
        control = figures.ratios([a[key] for a in again], [g[key] for g in good])
        figures.record(f"{name}, a collector that hangs over one that answers", ratio.text("{:.2f}", "x"),
                       f"A/A {control.text('{:.2f}', 'x')}", "no difference",
                       figures.NOT_RESOLVABLE if abs(ratio.median - 1) <= figures.width(control)
                       else figures.judge(ratio.median, 1 + figures.width(control), ratio.count),
                       ratio=ratio, control=control)
    exits = figures.Spread([h["exit_ms"] for h in hanging])
    beside = figures.Spread([g["exit_ms"] for g in good])
    figures.record("exit with a collector that hangs", exits.text("{:.0f}", " ms"),
                   f"one that answers {beside.text('{:.0f}', ' ms')}", f"<= {1000 * EXIT_TIMEOUT_S} ms more",
                   figures.judge(exits.median - beside.median, 1000 * EXIT_TIMEOUT_S, exits.count),
                   exit_ms=exits, beside_ms=beside)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
