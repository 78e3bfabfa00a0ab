#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 7200
"""The long form of the capture suite: each storm for minutes."""

import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import relay  # noqa: E402
import tap  # noqa: E402

for path in sorted(glob.glob(os.path.join(tap.source_dir(), "tests", "capture", "test_*.py"))):
    relay.run(os.path.join("capture", os.path.basename(path)), deadline=2400, PODO_TEST_LONG="1")
sys.exit(tap.done())
