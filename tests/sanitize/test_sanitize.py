#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 2400
"""Unit tests and fuzz corpora under AddressSanitizer and UndefinedBehaviorSanitizer."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import doctest_tap  # noqa: E402
import fuzz_corpora  # noqa: E402
import second_build  # noqa: E402
import tap  # noqa: E402

OPTIONS = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dexamples=false",
           "-Doptimization=1"]
ENVIRONMENT = tap.clean_environment(
    ASAN_OPTIONS="abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=1",
    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")

built = second_build.build("sanitize", OPTIONS, ["all"])
if built:
    doctest_tap.run_binaries(built, ENVIRONMENT)
    fuzz_corpora.replay(built, ENVIRONMENT)
sys.exit(tap.done())
