#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 330
"""The handler's mean in real programs, podo beside gperftools, each call timed, runs interleaved.

Each round runs, in a random order, gperftools, podo and podo again (the A/A control)."""

import os
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import clocked  # noqa: E402
import figures  # noqa: E402
import programs  # noqa: E402

VARIANTS = ("gperftools", "podo", "podo again")
TIME_S = 75  # for one program's pairs; a quiet machine needs half of it
FEW = 10     # calls below which a run says nothing
GOAL = 0.25


def one_run(run, variant, directory):
    """The timed handler calls of one run, or None if there were too few."""
    env, calls = clocked.environment(variant.split()[0], directory)
    run(env)
    handler = clocked.Handler(calls) if os.path.exists(calls) else None
    return handler if handler is not None and handler.count >= FEW else None


def rounds_of(run, directory):
    rounds = []
    end = time.monotonic() + TIME_S
    while len(rounds) < figures.PAIRS and time.monotonic() < end:
        own = os.path.join(directory, "runs")
        os.makedirs(own)
        handlers = {v: one_run(run, v, own) for v in random.sample(VARIANTS, len(VARIANTS))}
        shutil.rmtree(own)
        if all(handlers.values()):
            rounds.append(handlers)
    return rounds


def judge(name, rounds):
    if not tap.check(f"{name}: podo's and gperftools' handlers were timed", rounds):
        return
    means = {v: [r[v].trimmed_mean() for r in rounds] for v in VARIANTS}
    ours, theirs = figures.Spread(means["podo"]), figures.Spread(means["gperftools"])
    ratio = figures.ratios(means["podo"], means["gperftools"])
    control = figures.ratios(means["podo again"], means["podo"])
    full = figures.ratios([r["podo"].mean() for r in rounds],
                          [r["gperftools"].mean() for r in rounds])
    calls = {v: sum(r[v].count for r in rounds) for v in VARIANTS}
    figures.record(
        f"handler mean in {name}", f"{ratio.text()}x of gperftools', {ours.text('{:.0f}', ' ns')}",
        f"gperftools {theirs.text('{:.0f}', ' ns')}, A/A {control.text()}, "
        f"{full.text()}x untrimmed", f"<= {GOAL}x",
        figures.judge(ratio.median, GOAL, len(rounds), ratio.median - 1, figures.width(control)),
        ratio=ratio, podo_ns=ours, gperftools_ns=theirs, control=control, untrimmed=full,
        calls=calls)


def main():
    directory = tap.temp_dir()
    known = programs.Programs(directory)
    for name, tool, run in (("zstd -T2", "zstd", known.zstd), ("redis", "redis-server", known.redis),
                            ("rocksdb", "db_bench", known.rocksdb),
                            ("clang++", "clang++", known.clang)):
        if shutil.which(tool) is None:
            tap.skip(f"{name}: handler mean", tool)
            continue
        judge(name, rounds_of(run, directory))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
