#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format would change no file."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import source  # noqa: E402
import tap  # noqa: E402

names = source.files(".h", ".cc", ".c")
if not shutil.which("clang-format"):
    tap.skip("clang-format would change no file", "clang-format")
    sys.exit(tap.done())
result = tap.run(["clang-format", "--dry-run", "--Werror", *names], 120, cwd=tap.source_dir())
tap.check("there are files to format", len(names) > 10)
tap.check(f"clang-format would change none of {len(names)} files", result.returncode == 0,
          "\n".join(line for line in result.stderr.splitlines() if "error" in line)[:4000])
sys.exit(tap.done())
