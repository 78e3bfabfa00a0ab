#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 180
"""Binaries that make it hard: stripped, without unwind information, static."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["PODO_SOURCE"], "tests", "harness"))
import profiled  # noqa: E402
import tap  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
WITHOUT_TABLES = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-exceptions"]
CALLS = r"main;Burn;Middle;Inner"


def build(name, *flags):
    path = os.path.join(tap.temp_dir(), name)
    made = tap.run(["gcc", "-D_GNU_SOURCE", "-O1", *flags, os.path.join(HERE, "bad_input_host.c"), "-o",
                    path, "-pthread"], 60)
    tap.check(f"{name} builds", made.returncode == 0, made)
    return path


def profile(name, path):
    """Runs it bare and under podo; returns the profile."""
    bare = tap.run([path, "work", "700"], 30, env=tap.clean_environment())
    folder = tap.temp_dir()
    under = tap.run([path, "work", "700"], 30, env=profiled.environment(folder))
    tap.check(f"{name}: ends as without podo, with the same output",
              (under.returncode, under.stdout, profiled.without_log(under.stderr)) ==
              (bare.returncode, bare.stdout, bare.stderr) and bare.returncode == 42, under)
    found = profiled.read(folder, under.stderr)
    print(f"# {name}: {found.summary()}")
    tap.check(f"{name}: every tick is accounted for", found.accounts(), found.totals)
    tap.check(f"{name}: enough samples to judge", found.walked() >= 50, found.samples)
    return found


def in_program(found, path):
    """Samples whose leaf is the program's own code, or lies above it (a clock in libc)."""
    return {s: n for s, n in found.samples.items() if re.search(CALLS + "|Inner|Mix|" + re.escape(
        os.path.basename(path)), s)}


def share(samples, of):
    return sum(samples.values()) / max(1, sum(of.values()))


def stripped():
    path = build("stripped", "-s")
    found = profile("stripped", path)
    tap.check("stripped: at least 99 % of the stacks reach the root", found.reached_root() >= 0.99,
              found.samples)
    addresses = {s: n for s, n in found.samples.items() if re.search(r"0x[0-9a-f]+", s)}
    tap.check("stripped: its functions are addresses, each with the program's name",
              share(addresses, found.samples) > 0.9 and all("stripped" in s for s in addresses),
              list(found.samples)[:5])


def frame_pointers():
    path = build("framed", *WITHOUT_TABLES, "-fno-omit-frame-pointer")
    found = profile("framed", path)
    # A leaf that needs no frame has none: then its caller is the one that cannot be seen.
    calls = {s: n for s, n in found.samples.items() if re.search("main;Burn;Middle;(Inner|Mix)", s)}
    tap.check("without tables, with frame pointers: the calls are found by them",
              share(calls, found.samples) > 0.9
              and found.totals["frame_pointer"] > 0, list(found.samples)[:5])


def neither():
    path = build("dark", *WITHOUT_TABLES, "-fomit-frame-pointer")
    found = profile("dark", path)
    own = in_program(found, path)
    honest = {s: n for s, n in own.items()
              if s.startswith(profiled.ROOTLESS) or re.search(CALLS, s)}
    tap.check("neither tables nor frame pointers: every stack is whole or flagged [incomplete stack]",
              own and share(honest, own) == 1, [s for s in own if s not in honest][:5])
    tap.check("neither tables nor frame pointers: the leaf is right all the same",
              share({s: n for s, n in own.items() if re.search(r"(Inner|Mix|clock_gettime)\S*$", s)},
                    own) > 0.9, list(own)[:5])


def static_libraries():
    """What podo.pc names for the archive, the template filled in by the build."""
    with open(os.path.join(tap.build_dir(), "lib", "package", "podo.pc"), encoding="utf-8") as f:
        return re.search(r"^Libs.private: (.*)$", f.read(), re.MULTILINE).group(1).split()


def static():
    """The line of docs/dependencies.md."""
    path = os.path.join(tap.temp_dir(), "static")
    archive = os.path.join(tap.build_dir(), "lib", "libpodo.a")
    made = tap.run(["g++", "-std=c++17", "-O1", "-static", "-I", os.path.join(tap.source_dir(), "include"),
                    os.path.join(HERE, "bad_input_linked.cc"), "-o", path, archive, *static_libraries(),
                    "-lgcc_eh", "-lunwind", "-llzma", "-lbz2"], 120)
    if not tap.check("a static executable links with what podo.pc and the docs name",
                     made.returncode == 0, made):
        return
    kind = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=True).stdout
    tap.check("static: it needs no loader", "INTERP" not in kind and "DYNAMIC" not in kind, kind)
    folder = tap.temp_dir()
    env = tap.clean_environment(PODO_EXPORT=f"file://{folder}/run.folded", PODO_LOG="info",
                                PODO_SAMPLE_HZ="250", PODO_EXIT_TIMEOUT="20s")
    result = tap.run([path], 60, env=env)
    tap.check("static: podo starts, exceptions are caught, every tick is accounted for",
              result.returncode == 42 and "start=0 caught=1 adds_up=1 " in result.stdout, result)
    found = profiled.read(folder, result.stderr)
    print(f"# static: {found.summary()}")
    calls = {s: n for s, n in found.samples.items() if re.search(r"main;.*middle.*;.*inner", s)}
    tap.check("static: its stacks reach the root, with names",
              found.reached_root() >= 0.98 and share(calls, found.samples) > 0.9, found.samples)


def main():
    stripped()
    frame_pointers()
    neither()
    static()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
