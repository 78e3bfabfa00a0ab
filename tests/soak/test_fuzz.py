#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 3600
"""libFuzzer with AddressSanitizer explores every fuzz target for FUZZ_SECONDS (60) each."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import fuzz_corpora  # noqa: E402
import second_build  # noqa: E402
import tap  # noqa: E402

OPTIONS = ["-Dexamples=false", "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"]
built = second_build.build("fuzz", OPTIONS, ["fuzz_programs"], {"CC": "clang", "CXX": "clang++"})
if built:
    fuzz_corpora.explore(built, seconds_each=int(os.environ.get("FUZZ_SECONDS", "60")))
sys.exit(tap.done())
