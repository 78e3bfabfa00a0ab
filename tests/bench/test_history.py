#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 1500
"""Bytes, CPU and answers of the history, on windows drawn from real ones of redis, rocksdb, clang++."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import figures  # noqa: E402
import programs  # noqa: E402
import windows  # noqa: E402

RECORDED_S = 120  # a dozen windows
HOURS = 25
TICKS = 2000  # a window of 10 s of two busy cores at 100 Hz
QUERY_GOAL_NS = 10**9
HISTORY_MIB = 16  # of history_cost.cc


def measure(name, files):
    bench = os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_history")
    result = tap.run(["nice", bench, str(HOURS), str(TICKS), *files], 400)
    if not tap.check(f"{name}: {HOURS} hours of windows are kept", result.returncode == 0, result):
        return
    seen = json.loads(result.stdout)
    query = seen["query_ns"]
    tap.check(f"{name}: {HISTORY_MIB} MiB are not exceeded", seen["bytes"] <= HISTORY_MIB << 20, seen)
    tap.check(f"{name}: 16 MiB hold 24 hours", seen["held_hours"] >= 24, seen)
    figures.record(f"history of an hour, {name}", f"{seen['first_hour_bytes'] / 2**20:.2f} MiB, "
                   f"{seen['first_hour_bytes'] / 360 / 1024:.2f} KiB a window",
                   f"pprof.gz {seen['pprof_bytes_a_window'] / 1024:.1f} KiB a window", "reported",
                   f"({TICKS} ticks a window)", seen=seen)
    slowest = max(query["24 h"], query["timeline 24 h"])
    figures.record(f"a question about 24 h, {name}", f"{query['24 h'] / 1e6:.0f} ms",
                   f"1 h {query['1 h'] / 1e6:.0f} ms, difference over 24 h "
                   f"{query['diff over 24 h'] / 1e6:.0f} ms, time line "
                   f"{query['timeline 24 h'] / 1e6:.0f} ms", "<= 1 s",
                   "meets its goal" if slowest <= QUERY_GOAL_NS else "misses its goal", seen=seen)
    resident, asked = seen["rss_kib"] / 1024, seen["rss_asked_kib"] / 1024
    figures.record(f"memory of a history of 16 MiB, {name}", f"{resident:.1f} MiB", f"{seen['bytes'] / 2**20:.1f} MiB of windows; "
                   f"{asked:.1f} MiB after questions about all of it", f"<= {HISTORY_MIB + 2} MiB",
                   "meets its goal" if resident <= HISTORY_MIB + 2 else "misses its goal", seen=seen)
    print(f"| {name}: {json.dumps(seen)}", flush=True)


def main():
    directory = tap.temp_dir()
    known = programs.Programs(directory)
    for name in windows.NAMES:
        if tool := windows.missing(name, known, directory):
            tap.skip(f"{name}: the cost of the history", tool)
            continue
        files = windows.record(name, known, directory, RECORDED_S)
        if tap.check(f"{name}: windows were written", len(files) >= 3, files):
            measure(name, files)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
