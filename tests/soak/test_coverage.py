#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 5400
"""Line coverage of lib/ by the unit tests and by the suites that run the signal path in real processes. Prints a table and, for
lib/capture, every line that nothing ran; docs/coverage.md says why each may stay so."""

import collections
import glob
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import doctest_tap  # noqa: E402
import relay  # noqa: E402
import second_build  # noqa: E402
import tap  # noqa: E402

OPTIONS = ["-Db_coverage=true", "-Dexamples=false", "-Doptimization=0", "-Dwerror=false"]
TARGETS = ["all"]
SUITES = ("capture", "accuracy", "coexist", "preload")


def lines_of(built):
    """file -> line -> times it ran, over all objects that contain it."""
    counts = collections.defaultdict(lambda: collections.defaultdict(int))
    # A .gcno without .gcda is a file that nothing ran: gcov counts its lines as never run.
    for notes in glob.glob(built + "/lib/**/*.gcno", recursive=True):
        made = subprocess.run(["gcov", "--json-format", "--stdout", notes], capture_output=True, check=False, cwd=built)
        for text in made.stdout.decode().splitlines():
            for file in json.loads(text)["files"]:
                path = os.path.relpath(os.path.normpath(os.path.join(built, file["file"])), tap.source_dir())
                if not path.startswith("lib/"):
                    continue
                for line in file["lines"]:
                    counts[path][line["line_number"]] += line["count"]
    return counts


def ranges(numbers):
    """[3, 4, 5, 9] as '3-5, 9'."""
    groups = []
    for number in sorted(numbers):
        if groups and number == groups[-1][1] + 1:
            groups[-1][1] = number
        else:
            groups.append([number, number])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in groups)


def report(counts):
    rooms = collections.defaultdict(lambda: [0, 0])
    for path, lines in counts.items():
        room = os.path.dirname(path)
        rooms[room][0] += len(lines)
        rooms[room][1] += sum(1 for count in lines.values() if count)
    for room, (all_lines, ran) in sorted(rooms.items()):
        print(f"# {room:20} {ran:6} of {all_lines:6} lines, {100 * ran / all_lines:.1f} %")
    for path, lines in sorted(counts.items()):
        missed = [number for number, count in lines.items() if not count]
        if path.startswith("lib/capture/") and missed:
            print(f"# {path}: {100 - 100 * len(missed) / len(lines):.1f} %, not run: {ranges(missed)}")
    return rooms


built = second_build.build("coverage", OPTIONS, TARGETS)
if built:
    doctest_tap.run_binaries(built, tap.clean_environment(), deadline=900)
    for suite in SUITES:
        for path in sorted(glob.glob(os.path.join(tap.source_dir(), "tests", suite, "test_*.py"))):
            relay.run(os.path.join(suite, os.path.basename(path)), deadline=900, PODO_BUILD=built)
    found = report(lines_of(built))
    tap.check("lib/capture was measured", found["lib/capture"][1] > 1000, dict(found))
sys.exit(tap.done())
