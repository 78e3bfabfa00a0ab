#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each public header compiles alone: C++17 with two compilers, the C header in C11 as well."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import source  # noqa: E402
import tap  # noqa: E402

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wold-style-cast", "-Werror", "-fsyntax-only"]


def compile_alone(compiler, standard, language, header):
    unit = os.path.join(tap.temp_dir(), "alone.cc" if language == "c++" else "alone.c")
    with open(unit, "w", encoding="utf-8") as f:
        f.write(f'#include "{header}"\n#include "{header}"\nint podo_alone(void);\n')
    flags = [x for x in STRICT if language == "c++" or x != "-Wold-style-cast"]
    result = tap.run([compiler, f"-std={standard}", "-x", language, *flags,
                      "-I", os.path.join(tap.source_dir(), "include"), unit])
    tap.check(f"{header} stands alone in {standard} with {compiler}", result.returncode == 0, result)


def main():
    headers = [n[len("include/"):] for n in source.files(".h") if n.startswith("include/")]
    tap.check("there are public headers", headers)
    for compiler in ("g++", "clang++"):
        if not shutil.which(compiler):
            tap.skip(f"public headers stand alone with {compiler}", compiler)
            continue
        for header in headers:
            for standard in ("c++17", "c++20"):
                compile_alone(compiler, standard, "c++", header)
    for header in (h for h in headers if h.endswith("_c.h")):
        for standard in ("c11", "gnu17"):
            compile_alone("gcc", standard, "c", header)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
