#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 150
"""One sample through the signal at depth 30, beside an empty handler, frame pointers, gperftools."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import figures  # noqa: E402

ROUNDS = 60
GOALS = {"warm": 0.5, "cold": 1.0}  # of the empty round trip, added


def measure(profiler):
    program = os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_handler")
    result = tap.run([program, profiler, str(ROUNDS)], deadline=60,
                     env=tap.clean_environment(PODO_LOG="error", PODO_EXPORT=None))
    if not tap.check(f"the ticks at depth 30 under {profiler} run to their end",
                     result.returncode == 0, result):
        return None, {}
    blocks, checks = {}, {}
    for line in result.stdout.splitlines():
        words = line.split()
        if words[0] in GOALS:
            blocks.setdefault((words[0], words[1]), []).append(float(words[2]))
        elif words[0] == "check":
            checks = {k: int(v) for k, v in (w.split("=") for w in words[1:])}
    return blocks, checks


def added(blocks, temperature, variant, base):
    """What the variant adds to its round trip with an empty handler, as a share of that."""
    pairs = zip(blocks[temperature, variant], blocks[temperature, base])
    return figures.Spread([v / b - 1 for v, b in pairs])


def main():
    podo, checks = measure("podo")
    gperftools, _ = measure("gperftools")
    if podo is None or gperftools is None:
        return tap.done()
    tap.check("podo took every tick it was sent, to the root and without residue",
              checks["sent"] <= checks["taken"] <= checks["sent"] + 20 and
              checks["incomplete"] <= 5 and checks["ring_full"] == 0, checks)
    for temperature, goal in GOALS.items():
        ours = added(podo, temperature, "profiler", "empty")
        control = added(podo, temperature, "empty_again", "empty")
        frames = added(podo, temperature, "frame_pointers", "empty_framed")
        theirs = added(gperftools, temperature, "profiler", "empty")
        noise = max(abs(control.low), abs(control.high))
        empty = figures.Spread(podo[temperature, "empty"])
        figures.record(
            f"sample at depth 30, {temperature}: added to an empty round trip",
            ours.text("{:.2f}", "x"),
            f"A/A {control.text('{:+.2f}')}, gperftools {theirs.text('{:.1f}', 'x')}, "
            f"frame pointers {frames.text('{:.2f}', 'x')}, empty {empty.text('{:.0f}', ' ns')}",
            f"<= {goal}x", figures.judge(ours.median, goal, ours.count, ours.median, noise),
            added=ours, control=control, gperftools=theirs, frame_pointers=frames, empty_ns=empty)
        body = figures.Spread(podo[temperature, "body"])
        their_body = figures.Spread(gperftools[temperature, "body"])
        share = body.median / their_body.median
        figures.record(f"handler body at depth 30, {temperature}", body.text("{:.0f}", " ns"),
                       f"gperftools {their_body.text('{:.0f}', ' ns')}", "<= 1/4 of gperftools'",
                       figures.judge(share, 0.25, body.count), body_ns=body,
                       gperftools_ns=their_body)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
