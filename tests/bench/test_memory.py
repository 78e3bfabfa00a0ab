#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 180
"""Resident memory added to a busy program with 1 and 8 threads, and how long podo_start() takes."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import figures  # noqa: E402

SECONDS = 1.6  # past the first tables and the first window
BARE_SECONDS = 0.3  # nothing grows any more
MIB = 1 << 20


def once(threads, env, seconds=BARE_SECONDS):
    """The program's last words about itself."""
    busy = os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_busy")
    library = os.path.join(tap.build_dir(), "lib", "libpodo.so")
    result = tap.run([busy, str(threads), str(seconds), library], deadline=30, env=env)
    if result.returncode != 0:
        raise RuntimeError(f"podo_bench_busy: {result}")
    return json.loads(result.stdout.splitlines()[-1])


def memory(threads, symbolize, directory):
    preload = os.path.join(tap.build_dir(), "lib", "libpodo_preload.so")
    env = tap.clean_environment(LD_PRELOAD=preload, PODO_EXPORT=f"file://{directory}/",
                                PODO_INTERVAL="1s", PODO_SYMBOLIZE=symbolize, PODO_LOG="error")
    bare, again, under = [], [], []
    for _ in range(figures.PAIRS):
        bare.append(once(threads, tap.clean_environment())["rss_kib"] * 1024)
        under.append(once(threads, env, SECONDS))
        again.append(once(threads, tap.clean_environment())["rss_kib"] * 1024)
    added = figures.Spread([(u["rss_kib"] * 1024 - b) / MIB for u, b in zip(under, bare)])
    control = figures.Spread([(a - b) / MIB for a, b in zip(again, bare)])
    sampled = max(u["rings"] for u in under)
    tap.check(f"podo sampled all {threads} threads", sampled >= threads, sampled)
    code = max(u["code_bytes"] for u in under)
    promise = 4 + 72 / 1024 * sampled + 0.3 * code / MIB
    figures.record(
        f"RSS added, {threads} busy thread{'s' * (threads > 1)}, PODO_SYMBOLIZE={symbolize}",
        added.text("{:.2f}", " MiB"),
        f"A/A {control.text('{:+.2f}', ' MiB')}; {code / MIB:.1f} MiB of code mapped",
        f"<= {promise:.2f} MiB",
        figures.judge(added.median, promise, added.count, added.median,
                      max(abs(control.low), abs(control.high))),
        added_mib=added, control_mib=control, code_bytes=code, promise_mib=promise)


def start_time():
    program = os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_start")
    took = []
    for _ in range(2 * figures.PAIRS):
        result = tap.run([program], env=tap.clean_environment(PODO_LOG="error"))
        if result.returncode != 0:
            tap.check("podo_start() succeeds in a fresh process", False, result)
            return
        took.append(int(result.stdout) / 1e6)
    first, second = figures.Spread(took[0::2]), figures.Spread(took[1::2])
    both = figures.Spread(took)
    figures.record("podo_start() in a fresh process", both.text("{:.2f}", " ms"),
                   f"A/A: every other process {first.median:.2f} and {second.median:.2f} ms",
                   "<= 3 ms", figures.judge(both.median, 3, both.count), start_ms=both)


def main():
    start_time()
    directory = tap.temp_dir()
    memory(1, "none", directory)
    memory(8, "none", directory)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
