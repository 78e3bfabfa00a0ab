#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""Bytes a sample of the first whole 10 s window, as pprof.gz, addresses only and with symbols."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import pprof_file  # noqa: E402
import tap  # noqa: E402

import figures  # noqa: E402
import programs  # noqa: E402
import windows  # noqa: E402

GOALS = {"redis": 4.2, "rocksdb": 7.6, "clang++": 37}
FULL = 800  # of 1000 samples: below, the fixed part of a file weighs more than the goal knows of


def measure(name, known, directory):
    files = {s: windows.first(name, known, directory, s) for s in ("none", "full")}
    if not tap.check(f"{name}: a whole window was written, with and without symbols",
                     all(files.values()), files):
        return
    (size, samples), (named_size, named_samples) = (
        (os.path.getsize(files[s]), pprof_file.Profile(files[s]).ticks()) for s in ("none", "full"))
    each = size / samples
    if each <= GOALS[name]:
        verdict = "meets its goal"
    elif samples < FULL:
        verdict = f"{figures.NOT_RESOLVABLE}: no busy core,"
    else:
        verdict = "misses its goal"
    figures.record(f"bytes a sample, 10 s of {name}, addresses only", f"{each:.1f} B",
                   f"with symbols {named_size / named_samples:.1f} B ({named_samples} samples)",
                   f"<= {GOALS[name]} B", f"{verdict} ({samples} samples)", size_bytes=size,
                   samples=samples, named_size_bytes=named_size, named_samples=named_samples)


def main():
    directory = tap.temp_dir()
    known = programs.Programs(directory)
    for name in windows.NAMES:
        if tool := windows.missing(name, known, directory):
            tap.skip(f"{name}: bytes a sample", tool)
        else:
            measure(name, known, directory)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
