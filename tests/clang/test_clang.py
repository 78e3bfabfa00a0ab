#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 1800
"""The library, its unit tests and its fuzz targets compile and pass with clang++."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import doctest_tap  # noqa: E402
import second_build  # noqa: E402
import tap  # noqa: E402

if not shutil.which("clang++"):
    tap.skip("the library compiles with clang++", "clang")
    sys.exit(tap.done())
# Clang's warnings come before optimisation, so there is none: half the time.
built = second_build.build("clang", ["-Dexamples=false", "-Doptimization=0"],
                           ["checked_programs", "lib/libpodo.a", "lib/libpodo_preload.so",
                            "lib/tools/podo-flame", "lib/tools/podo-doctor"],
                           {"CC": "clang", "CXX": "clang++"})
if built:
    doctest_tap.run_binaries(built, deadline=400)
sys.exit(tap.done())
