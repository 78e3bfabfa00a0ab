#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 2400
"""Unit tests, fuzz corpora, the churn of module snapshots and the stress of labels, under ASan and UBSan."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import doctest_tap  # noqa: E402
import fuzz_corpora  # noqa: E402
import relay  # noqa: E402
import second_build  # noqa: E402
import tap  # noqa: E402

OPTIONS = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dexamples=false",
           "-Doptimization=1", "-Dcpp_args=-g1"]  # lines for reports, no more
ENVIRONMENT = tap.clean_environment(
    ASAN_OPTIONS="abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=1",
    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")

TARGETS = ["checked_programs", "tests/capture/capture_churn", "tests/labels/labels_stress"] + [
    f"tests/capture/capture_plugin_{name}.so" for name in ("east", "west", "wide")]

built = second_build.build("sanitize", OPTIONS, TARGETS)
if built:
    doctest_tap.run_binaries(built, ENVIRONMENT, deadline=400)
    fuzz_corpora.replay(built, ENVIRONMENT)
    # Snapshots retired too early, or read past their end, under a storm of ticks.
    relay.run("capture/test_churn.py", deadline=120, PODO_BUILD=built,
              ASAN_OPTIONS=ENVIRONMENT["ASAN_OPTIONS"] + ":quarantine_size_mb=16")
    # Label sets recycled under a sample, thread blocks read after their end. A process that exits
    # leaves its run behind on purpose: its threads may still use it.
    relay.run("labels/test_stress.py", deadline=240, PODO_BUILD=built,
              ASAN_OPTIONS=ENVIRONMENT["ASAN_OPTIONS"].replace("detect_leaks=1", "detect_leaks=0"))
sys.exit(tap.done())
