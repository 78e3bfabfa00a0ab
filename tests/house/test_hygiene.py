#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Habits a reader relies on: licence lines, sizes, names, guards, a clean top level."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import source  # noqa: E402
import tap  # noqa: E402

MOST_LINES = 400  # of a file of lib/ or include/; most are far below 260
TOP_LEVEL = {
    "meson.build", "include", "lib", "examples", "tests", "LICENSE", "README.md", "CHANGELOG.md",
    "CONTRIBUTING.md", "SECURITY.md", "docs", "meson.options", ".ci",
    "meson_options.txt",  # a link to meson.options, which meson before 1.1 (Debian 12) does not know
}
CODE = (".h", ".cc", ".c", ".inc", ".S", ".py", ".sh", ".js", ".css", ".html", ".map", ".in",
        ".options", "meson.build", ".cmake", "CMakeLists.txt", "Makefile")
VAGUE = {"manager", "util", "utils", "helper", "helpers", "common", "misc", "info", "data", "worker"}
# A place on somebody's machine; /tmp and system directories are everybody's.
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(home|Users|root|work|workspace|mnt)/[\w.-]+")


def is_code(name):
    if name.endswith(CODE):
        return True
    return "." not in os.path.basename(name) and source.read(name).startswith("#!")


def wants_licence(name):
    return is_code(name) and "/corpus/" not in name


def guard_of(name):
    path = re.sub(r"^include/", "", name)
    return re.sub(r"[^A-Z0-9]", "_", ("PODO_" + path if path.startswith("lib/") else path).upper()) + "_"


def report(sentence, breaches):
    tap.check(sentence, not breaches, "\n".join(breaches))


def main():
    names = [n for n in source.files() if not source.is_binary(n)]
    code = [n for n in names if wants_licence(n)]
    tap.check("there are sources to look at", len(code) > 30)
    report("every source file says its licence in its first lines",
           [n for n in code
            if "SPDX-License-Identifier: Apache-2.0" not in "".join(source.read(n).splitlines()[:3])])
    report(f"no file of lib/ or include/ is longer than {MOST_LINES} lines",
           [n for n in code if n.startswith(("lib/", "include/"))
            and n.endswith((".h", ".cc", ".c")) and len(source.read(n).splitlines()) > MOST_LINES])
    report("every header has the guard its path says",
           [f"{n}: {guard_of(n)}" for n in code if n.endswith(".h")
            and n.startswith(("lib/", "include/")) and f"#ifndef {guard_of(n)}\n" not in source.read(n)])
    report("no file has a vague name",
           [n for n in code if VAGUE & set(re.split(r"[_.]", os.path.basename(n)))])
    report("the top level holds what it may hold",
           sorted({n.split("/")[0] for n in source.files()
                   if n.split("/")[0] not in TOP_LEVEL
                   and not (n.startswith(".") and "/" not in n)}))
    report("no file names a path of somebody's machine",
           [f"{n}: {m.group(0)}" for n in names for m in MACHINE_PATH.finditer(source.read(n))]
           # A checkout at /src or the like would find itself in every path of an example.
           + [n for n in names if tap.source_dir().count("/") > 1 and tap.source_dir() in source.read(n)])
    report("every test script can be executed",
           [n for n in names if re.match(r"tests/[a-z]+/test_[a-z_0-9]+\.(py|sh)$", n)
            and not os.access(os.path.join(tap.source_dir(), n), os.X_OK)])
    tap.check("meson_options.txt is meson.options",
              os.path.samefile(os.path.join(tap.source_dir(), "meson_options.txt"),
                               os.path.join(tap.source_dir(), "meson.options")))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
