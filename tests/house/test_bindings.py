#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Linking podo rebinds nothing of the host's (I12): exceptions stay with libgcc_s, libc with libc."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
LIB = os.path.join(tap.build_dir(), "lib")
BINDING = re.compile(r"binding file (\S+) \[\d+\] to (\S+) \[\d+\]: normal symbol `(\w+)'")
OWNERS = [(r"_Unwind_\w+", "libgcc_s.so.1"), (r"backtrace(_symbols(_fd)?)?", "libc.so.6"),
          (r"dl_iterate_phdr", "libc.so.6")]


def wrong_bindings(text):
    """(bindings of watched symbols, those that went elsewhere); libunwind's own are its business."""
    seen, wrong = [], []
    for user, provider, symbol in BINDING.findall(text):
        owner = next((o for pattern, o in OWNERS if re.fullmatch(pattern, symbol)), None)
        if owner is None or os.path.basename(user).startswith("libunwind"):
            continue
        seen.append(symbol)
        if os.path.basename(provider) != owner:
            wrong.append(f"{user} binds {symbol} to {provider}, not to {owner}")
    return seen, wrong


def compile_host(compiler, unit, *flags):
    program = os.path.join(tap.temp_dir(), "host")
    made = tap.run([compiler, "-O1", "-I", os.path.join(tap.source_dir(), "include"),
                    os.path.join(HERE, "bindings", unit), "-o", program, *flags], 120)
    return program if tap.check(f"{unit} compiles for the test of bindings", made.returncode == 0, made) else None


def check_run(name, argv, must_see, **environment):
    logs = os.path.join(tap.temp_dir(), "bindings")
    env = tap.clean_environment(LD_DEBUG="bindings", LD_DEBUG_OUTPUT=logs, LD_BIND_NOW="1", **environment)
    result = tap.run(argv, 60, env=env)
    tap.check(f"{name}: throws, traces and ends well", result.returncode == 0, result)
    folder = os.path.dirname(logs)
    text = "".join(open(os.path.join(folder, n), encoding="utf-8", errors="replace").read()
                   for n in os.listdir(folder))
    seen, wrong = wrong_bindings(text)
    tap.check(f"{name}: the loader bound {', '.join(must_see)}", set(must_see) <= set(seen), sorted(set(seen)))
    tap.check(f"{name}: no such symbol is bound away from its owner", not wrong, "\n".join(sorted(set(wrong))))
    return text


def main():
    line = "binding file /h [0] to /usr/lib/libunwind.so.8 [0]: normal symbol `_Unwind_RaiseException'"
    tap.check("an exception bound to libunwind would be seen", wrong_bindings(line)[1])
    watched = ["_Unwind_RaiseException", "_Unwind_Backtrace", "backtrace", "dl_iterate_phdr"]
    shared = compile_host("g++", "host.cc", f"-L{LIB}", "-lpodo", f"-Wl,-rpath,{LIB}")
    if shared:
        check_run("a program with libpodo.so", [shared], watched)
    late = compile_host("gcc", "host.c")
    if late:
        check_run("a C program that opens libpodo.so late", [late, os.path.join(LIB, "libpodo.so")],
                  ["backtrace", "dl_iterate_phdr"])
    if os.path.isdir(os.path.join(tap.source_dir(), "lib", "preload")):
        plain = compile_host("g++", "host.cc", "-DWITHOUT_PODO")
        preload = os.path.join(LIB, "libpodo_preload.so")
        loaded = plain and check_run("a program under the preload library", [plain], watched,
                                     LD_PRELOAD=preload)
        tap.check("the preload library brought libpodo.so", loaded and "/libpodo.so" in loaded)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
