# SPDX-License-Identifier: Apache-2.0
"""What binutils say of an ELF file, as Python values."""

import re

import tap


def _lines(argv):
    result = tap.run(argv, 120)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {result}")
    return result.stdout.splitlines()


def exported(path):
    """Names that a shared library defines for others, versions cut off."""
    rows = (line.split() for line in _lines(["nm", "-D", "--defined-only", path]))
    return {r[2].split("@")[0] for r in rows if len(r) == 3 and r[1] != "A"}


def defined(path):
    """[(name, type letter)] of all defined symbols of an object or an archive."""
    rows = (line.split() for line in _lines(["nm", "--defined-only", path]))
    return [(r[2], r[1]) for r in rows if len(r) == 3]


def undefined(path):
    rows = (line.split() for line in _lines(["nm", "-u", path]))
    return {r[-1] for r in rows if len(r) >= 2}


def dynamic(path):
    """{tag: [values]} of the dynamic section: NEEDED and SONAME without brackets."""
    found = {}
    for line in _lines(["readelf", "-dW", path]):
        row = re.match(r"\s*0x[0-9a-f]+ \((\w+)\)\s+(.*)", line)
        if row:
            value = re.search(r"\[(.*)\]", row[2])
            found.setdefault(row[1], []).append(value[1] if value else row[2].strip())
    return found


def segments(path):
    """[(type, flags)] of the program headers."""
    rows = (re.match(r"\s+([A-Z_]+)\s+0x.*\s+([RWE ]{3})\s+0x[0-9a-f]+$", line)
            for line in _lines(["readelf", "-lW", path]))
    return [(r[1], r[2]) for r in rows if r]


def disassembly(path, demangle=False):
    """{function: [instruction or relocation line]}, without addresses in front."""
    functions, current = {}, None
    flags = ["-C"] if demangle else []
    for line in _lines(["objdump", "-dr", "--no-show-raw-insn", *flags, path]):
        head = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if head:
            current = functions.setdefault(head[1], [])
        elif current is not None and line.strip():
            current.append(line.split(":", 1)[-1].strip())
    return functions
