#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 60
"""podo-flame --merge: which profiles it takes, what it adds up, what it refuses."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

PODO_FLAME = os.path.join(tap.build_dir(), "lib", "tools", "podo-flame")
FOLDER = tap.temp_dir()
SECOND = 10**9


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, value):
    """One field of a protobuf message: a number, or bytes (also a message)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def profile(name, function, value, begin_s, duration_s, sample_type="cpu"):
    """Writes a pprof file of one sample on one function (profile.proto of google/pprof)."""
    strings = ["", sample_type, "nanoseconds", function]
    message = field(1, field(1, 1) + field(2, 2))               # sample_type
    message += field(2, field(1, varint(1)) + field(2, varint(value)))  # sample
    message += field(4, field(1, 1) + field(4, field(1, 1)))    # location, line
    message += field(5, field(1, 1) + field(2, 3))              # function
    message += b"".join(field(6, s.encode()) for s in strings)
    message += field(9, begin_s * SECOND) + field(10, duration_s * SECOND)
    path = os.path.join(FOLDER, name)
    with open(path, "wb") as f:
        f.write(message)
    return path


def window(name, address, function, begin_s):
    """As profile(), at an address of a mapping; without a line if `function` is empty."""
    strings = ["", "cpu", "nanoseconds", "/bin/service", function or "unused"]
    location = field(1, 1) + field(2, 1) + field(3, address)
    if function:
        location += field(4, field(1, 1))
    message = field(1, field(1, 1) + field(2, 2))
    message += field(2, field(1, varint(1)) + field(2, varint(5)))
    message += field(3, field(1, 1) + field(2, 0x4000) + field(3, 0x9000) + field(5, 3))
    message += field(4, location) + field(5, field(1, 1) + field(2, 4))
    message += b"".join(field(6, s.encode()) for s in strings)
    message += field(9, begin_s * SECOND) + field(10, SECOND)
    path = os.path.join(FOLDER, name)
    with open(path, "wb") as f:
        f.write(message)
    return path


def run(*arguments):
    return tap.run([PODO_FLAME, *arguments], env=tap.clean_environment())


def merged(*arguments):
    """{function: value} of the sum, or the Result that says why there is none."""
    out = os.path.join(FOLDER, "sum.pb.gz")
    result = run("--merge", "-o", out, *arguments)
    if result.returncode != 0:
        return result
    return dict(line.rsplit(" ", 1) for line in run("--folded", out).stdout.splitlines())


WINDOWS = [profile("a", "early", 1, 100, 10), profile("b", "common", 20, 110, 10),
           profile("c", "common", 300, 120, 10), profile("d", "late", 4000, 130, 10)]

TAKEN = [
    ("without a range it takes all, and adds up equal stacks", [],
     {"early": "1", "common": "320", "late": "4000"}),
    ("both ends of the range belong to it", ["--from", "110", "--until", "130"], {"common": "320"}),
    ("a profile that begins before the range is left out", ["--from", "100.5", "--until", "130"],
     {"common": "320"}),
    ("a profile that ends after the range is left out", ["--from", "110", "--until", "129.5"],
     {"common": "20"}),
    ("a range may have one end: the latter", ["--until", "110"], {"early": "1"}),
    ("a range may have one end: the former", ["--from=130"], {"late": "4000"}),
]

for sentence, arguments, expected in TAKEN:
    got = merged(*arguments, *WINDOWS)
    tap.check(sentence, got == expected, got)

REFUSED = [
    ("a range that holds no profile", ["--merge", "--from", "500", *WINDOWS], 1, "none of the 4"),
    ("profiles of different types", ["--merge", WINDOWS[0], profile("e", "f", 1, 1, 1, "space")], 1,
     "space in nanoseconds"),
    ("a file that is not there", ["--merge", WINDOWS[0], FOLDER + "/none"], 1, "No such file"),
    ("a time that is no number", ["--merge", "--from", "noon", WINDOWS[0]], 2, "--from noon"),
    ("a time that is not one", ["--merge", "--until", "nan", WINDOWS[0]], 2, "--until nan"),
    ("a range without --merge", ["--from", "1", WINDOWS[0]], 2, "with --merge"),
    ("no file", ["--merge"], 2, "no profile given"),
]
for what, arguments, status, message in REFUSED:
    result = run(*arguments)
    tap.check(f"{what}: status {status} and one line with '{message}'",
              result.returncode == status and message in result.stderr
              and result.stderr.count("\n") == 1, result)
# A window goes out before its symbols were read; a later one of the process has them.
NAMELESS = window("nameless", 0x4100, "", 300)
NAMED = window("named", 0x4100, "late", 310)
tap.check_equal("a name that only a later window has serves the earlier one, in range or not",
                merged("--until", "305", NAMELESS, NAMED), {"late": "5"})
tap.check_equal("another address of the same file stays a number",
                merged("--until", "305", window("other", 0x4200, "", 300), NAMED),
                {"service+0x200": "5"})

sys.exit(tap.done())
