#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 3600
"""Unit tests under ThreadSanitizer: what podo's threads share outside the signal handler."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import doctest_tap  # noqa: E402
import second_build  # noqa: E402
import tap  # noqa: E402

OPTIONS = ["-Db_sanitize=thread", "-Db_lundef=false", "-Dexamples=false", "-Doptimization=1", "-Dcpp_args=-g1"]
ENVIRONMENT = tap.clean_environment(TSAN_OPTIONS="halt_on_error=1:abort_on_error=0:exitcode=66:second_deadlock_stack=1")

# gcc 12 warns of fences, which its sanitizer does not model; clang's does.
built = second_build.build("tsan", OPTIONS, ["checked_programs"], {"CC": "clang", "CXX": "clang++"})
if built:
    doctest_tap.run_binaries(built, ENVIRONMENT, deadline=600)
sys.exit(tap.done())
