#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 600
"""Every doctest case of every room, in the main build."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import doctest_tap  # noqa: E402
import tap  # noqa: E402

doctest_tap.run_binaries(tap.build_dir())
sys.exit(tap.done())
