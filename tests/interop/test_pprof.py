#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 300
"""podo's pprof files read back by readers that share no code with podo: Go's pprof, protoc."""

import gzip
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

WRITER = os.path.join(tap.build_dir(), "tests", "unit", "encode", "podo_write_known_profile")
PODO_FLAME = os.path.join(tap.build_dir(), "lib", "tools", "podo-flame")
TEMP = tap.temp_dir()
# A home of its own: Go keeps caches there. "local": no other toolchain is fetched.
ENV = tap.clean_environment(HOME=TEMP, PPROF_TMPDIR=TEMP, GOCACHE=os.path.join(TEMP, "go"),
                            GOTOOLCHAIN="local", GOFLAGS=None)


def write(which, name, *how):
    path = os.path.join(TEMP, name)
    result = tap.run([WRITER, which, path, *how])
    tap.check(f"{name} is written", result.returncode == 0, result)
    return path


def pprof(*arguments, stdin=None):
    return tap.run([shutil.which("go"), "tool", "pprof", *arguments], 120, env=ENV, stdin=stdin)


def flat_and_total(result):
    """{function: (flat, cum)} of a -top report."""
    rows = {}
    for line in result.stdout.splitlines():
        row = re.match(r"\s*(-?[\d.]+)(m?s)?\s+[\d.]+%\s+[\d.]+%\s+(-?[\d.]+)(m?s)?\s+[\d.]+%\s+(.+)$", line)
        if row:
            flat, cum = (round(float(row[i]) * (1000 if row[i + 1] == "s" else 1)) for i in (1, 3))
            rows[row[5].removesuffix(" (inline)")] = (flat, cum)
    return rows


def check_one(before, raw):
    top = pprof("-top", "-sample_index=samples", before)
    tap.check("Go's pprof takes the file without a word of complaint",
              top.returncode == 0 and not top.stderr, top)
    tap.check_equal("it counts self and total of every function as podo does", flat_and_total(top),
                    {"[libc.so.6]": (80, 80), "Escape": (15, 15), "Serialize": (0, 15),
                     "Serve": (0, 95), "main": (0, 95), "[threads blocking SIGPROF]": (5, 5)})
    cpu = pprof("-top", before)
    tap.check_equal("it shows the default sample type, in milliseconds",
                    flat_and_total(cpu).get("Escape"), (150, 150))
    tap.check("it names the main binary and its build id",
              "File: checkout\n" in cpu.stdout and "Build ID: c0ffee01\n" in cpu.stdout, cpu)
    lines = flat_and_total(pprof("-top", "-lines", "-sample_index=samples", before))
    tap.check_equal("it finds inlined lines and those of their callers",
                    {name: lines.get(name) for name in ("Escape json.cc:15", "Serialize json.cc:88",
                                                        "Serialize json.cc:90")},
                    {"Escape json.cc:15": (15, 15), "Serialize json.cc:88": (0, 15),
                     "Serialize json.cc:90": (0, 5)})
    traces = pprof("-traces", before).stdout
    tap.check("it shows an inlined frame above the function it was inlined into",
              re.search(r"Escape \(inline\)\n\s+Serialize\n\s+Serialize\n\s+Serve\n\s+main\n", traces),
              traces)
    dump = pprof("-raw", before).stdout
    for sentence, text in (
            ("it reads the period and its type", "PeriodType: cpu nanoseconds\nPeriod: 10000000\n"),
            ("it reads sample types and the default", "samples/count cpu/nanoseconds[dflt]"),
            ("it reads text labels", "endpoint:[/pay]"),
            ("it reads numeric labels with their unit", "body:[4096 bytes]"),
            ("it reads trace and span ids as labels",
             "span_id:[cd09000000000000] trace_id:[ab010200000000000000000000000000]"),
            ("it reads the main binary as mapping 1", "1: 0x55d000000000/0x55d000010000/0x1000 "
             "/opt/shop/checkout c0ffee01 [FN][FL][LN][IN]"),
            ("it reads comments", "Comment: a known profile")):
        tap.check(sentence, text in dump, dump)
    tap.check_equal("it reads the bare message as it reads the gzipped one",
                    pprof("-raw", raw).stdout, dump)


def check_two(before, after):
    result = pprof("-top", "-sample_index=samples", "-diff_base", before, after)
    tap.check_equal("it subtracts two runs loaded at different addresses, function by function",
                    {name: row for name, row in flat_and_total(result).items() if row != (0, 0)},
                    {"[libc.so.6]": (-70, -70), "Escape": (70, 70), "Serialize": (0, 70)})
    result = pprof("-top", "-addresses", "-sample_index=samples", "-diff_base", before, after)
    tap.check("it matches them location by location: nothing is left of the functions that did not change",
              result.returncode == 0 and not re.search(r"\b(Serve|main)\b", result.stdout), result)


def check_rewritten(before):
    """Another writer's file: Go's pprof reads podo's and writes its own."""
    rewritten = os.path.join(TEMP, "rewritten.pb.gz")
    result = pprof("-proto", "-output", rewritten, before)
    if tap.check("Go's pprof writes the profile anew", result.returncode == 0, result):
        tables = [tap.run([PODO_FLAME, "--top", path]).stdout for path in (before, rewritten)]
        tap.check("podo-flame reads Go's file as it reads podo's",
                  tables[0] == tables[1] and "Escape (json.cc:15)" in tables[0], "\n".join(tables))


def check_wire(raw):
    """Ids as protoc sees them, knowing nothing of profiles."""
    with open(raw, "rb") as f:
        result = tap.run(["protoc", "--decode_raw"], stdin=f.read(), text=False)
    text = result.stdout.decode()
    tap.check("protoc decodes the whole message", result.returncode == 0 and text, result)
    for field, name, count in ((3, "mapping", 2), (4, "location", 6), (5, "function", 5)):
        entries = re.findall(rf"^{field} {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)
        ids = [int(re.search(r"^  1: (\d+)", entry, re.MULTILINE)[1]) for entry in entries]
        tap.check_equal(f"{name} ids are 1 to {count} in order", ids, list(range(1, count + 1)))
    tap.check_equal("the first string is the empty one",
                    re.search(r'^6: (".*")', text, re.MULTILINE)[1], '""')


def main():
    before = write("before", "before.pb.gz")
    after = write("after", "after.pb.gz")
    raw = write("before", "before.pb", "raw")
    with open(before, "rb") as packed, open(raw, "rb") as bare:
        bare_bytes, packed_bytes = bare.read(), packed.read()
    tap.check("the gzip file holds the bare message", gzip.decompress(packed_bytes) == bare_bytes)
    tap.check_equal("its header carries no time", packed_bytes[4:8], bytes(4))
    if shutil.which("go"):
        check_one(before, raw)
        check_two(before, after)
        check_rewritten(before)
    else:
        tap.skip("Go's pprof reads podo's profiles", "go, Debian package golang-go")
    if shutil.which("protoc"):
        check_wire(raw)
    else:
        tap.skip("protoc reads podo's profiles", "protoc, Debian package protobuf-compiler")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
