#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The signal handler's object: no libc, no PLT, no late TLS; also in a lazily bound executable."""

import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import elf  # noqa: E402
import purity  # noqa: E402
import stack_depth  # noqa: E402
import tap  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
LIB = os.path.join(tap.build_dir(), "lib")
SOURCE = "lib/capture/handler.cc"


def allowed(kind):
    with open(os.path.join(HERE, "handler_allowed.txt"), encoding="utf-8") as f:
        rows = [line.strip().split(" ", 1) for line in f if not line.startswith("#") and line.strip()]
    return {name for word, name in rows if word == kind}


def demangled(functions):
    """{mangled: the function's own name}, for the names that people wrote in the allow-list."""
    names = list(functions)
    full = tap.run(["c++filt"], stdin="\n".join(names)).stdout.split("\n")
    return {n: d.replace("(anonymous namespace)", "").split("(")[0].split("::")[-1]
            for n, d in zip(names, full)}


def check_the_checker():
    own = {"f"}
    seen = lambda *lines: purity.breaches({"f": list(lines)}, own, set())  # noqa: E731
    tap.check("a call to libc would be seen",
              seen("call   5 <f+0x5>", "R_X86_64_PLT32\tmemcpy-0x4"))
    tap.check("a call through the GOT would be seen",
              seen("call   *0x0(%rip)        # 6 <f+0x6>", "R_X86_64_GOTPCRELX\tmemcpy-0x4"))
    tap.check("a call through a pointer would be seen", seen("call   *%rax"))
    tap.check("a bound call through the PLT would be seen", seen("call   401030 <memcpy@plt>"))
    tap.check("a thread-local by __tls_get_addr would be seen",
              seen("lea    0x0(%rip),%rdi", "R_X86_64_TLSGD\tx-0x4"))
    tap.check("a system call would be seen", seen("syscall"))
    tap.check("a second system call in a function with leave for one would be seen",
              purity.breaches({"f": ["syscall", "nop", "syscall"]}, own, {"f"}))
    tap.check("a call inside the object is fine", not seen("call   10 <f>", "ret"))


def check_object(path):
    functions = elf.disassembly(path)
    names = demangled(functions)
    own = set(functions)
    permitted = {m for m, d in names.items() if d in allowed("syscall")}
    tap.check("the handler's object has code", sum(map(len, functions.values())) > 50)
    undefined = elf.undefined(path) - allowed("symbol")
    tap.check("the handler's object names no symbol outside its allow-list", not undefined,
              "\n".join(sorted(undefined)))
    inline = [n for n, kind in elf.defined(path) if kind in "Wu" and n in own]
    tap.check("the handler's object has no inline function that the linker may take from elsewhere",
              not inline, "\n".join(names[n] for n in inline))
    found = purity.breaches(functions, own, permitted)
    tap.check("the handler calls no libc, uses no late TLS, and makes system calls only where named",
              not found, "\n".join(found))
    return own, permitted


def check_stack(path):
    functions = elf.disassembly(path)
    room = [int(n, 16) for n in re.findall(r"^cmp\s+\$0x([0-9a-f]+),%rax", "\n".join(
        functions.get("podo_sigprof_entry", [])), re.MULTILINE)]
    depth, chain = stack_depth.deepest("podo_sigprof_handler", functions)
    tap.check(f"the room that the entry asks for, {room} B, is enough for the handler's deepest call, {depth} B",
              len(room) == 1 and 512 < depth <= room[0], "\n".join(demangled(chain).values()))
    depth, chain = stack_depth.deepest("podo_sigprof_no_room", functions)
    tap.check("what counts a tick without room uses no stack", depth == 0, f"{depth} B: {chain}")


def check_archive(path):
    """libpodo.a must hold this very object, not one compiled another way."""
    archive = os.path.join(LIB, "libpodo.a")
    with open(path, "rb") as f:
        wanted = f.read()
    members = tap.run(["ar", "t", archive]).stdout.split()
    same = [m for m in members if m.endswith("handler.cc.o")
            and tap.run(["ar", "p", archive, m], text=False).stdout == wanted]
    tap.check("libpodo.a holds the same handler object", len(same) == 1, members)


def check_lazy_executable(own, permitted):
    """The archive in a lazily bound executable: the linker may turn GOT accesses into PLT calls."""
    program = os.path.join(tap.temp_dir(), "host")
    flags = tap.run(["pkg-config", "--static", "--libs", os.path.join(LIB, "package", "podo.pc")]).stdout.split()
    flags = [f for f in flags if not f.startswith("-L") and f != "-lpodo"]
    made = tap.run(["g++", "-O1", "-I", os.path.join(tap.source_dir(), "include"),
                    os.path.join(HERE, "bindings", "host.cc"), "-o", program,
                    os.path.join(LIB, "libpodo.a"), *flags, "-Wl,-z,lazy"], 120)
    if not tap.check("a program links libpodo.a with -z lazy", made.returncode == 0, made):
        return
    flags_1 = elf.dynamic(program).get("FLAGS_1", [""])[0] + elf.dynamic(program).get("FLAGS", [""])[0]
    tap.check("that program is bound lazily", "NOW" not in flags_1, flags_1)
    code = {n: lines for n, lines in elf.disassembly(program).items() if n in own}
    tap.check("the handler's functions are in that program", code)
    found = purity.breaches(code, own, permitted)
    tap.check("the handler stays pure in that program", not found, "\n".join(found))
    result = tap.run([program], 60, env=tap.clean_environment())
    tap.check("that program runs, is sampled, and ends well", result.returncode == 0, result)


def main():
    check_the_checker()
    objects = glob.glob(os.path.join(LIB, "**", "libpodo_handler.a.p", "*.o"), recursive=True)
    there = os.path.exists(os.path.join(tap.source_dir(), SOURCE))
    if tap.check(f"{SOURCE} is built as one object of podo_handler", there and len(objects) == 1, objects):
        own, permitted = check_object(objects[0])
        check_stack(objects[0])
        check_archive(objects[0])
        check_lazy_executable(own, permitted)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
