#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the libraries give to others and take from them, held against one allow-list each."""

import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import elf  # noqa: E402
import source  # noqa: E402
import tap  # noqa: E402

LIB = os.path.join(tap.build_dir(), "lib")


def allow_list(map_file):
    """The names between `global:` and `local:` of a version script."""
    text = re.sub(r"/\*.*?\*/|#[^\n]*", "", source.read(map_file), flags=re.DOTALL)
    inside = re.search(r"global:(.*?)local:\s*\*;", text, re.DOTALL)
    return set(re.findall(r"[\w*?]+", inside[1])) if inside else set()


def declared():
    """Functions that podo_c.h and context_c.h declare for users, and hooks.h for the preload library."""
    return (set(re.findall(r"^PODO_API[^;(]*?(\w+)\(", source.read("include/podo/podo_c.h") +
                           source.read("include/podo/context_c.h") +
                           source.read("include/podo/sink_c.h"), re.MULTILINE)) |
            set(re.findall(r"^(?:void|int) (podo_internal_\w+)\(", source.read("lib/preload/hooks.h"), re.MULTILINE)))


def check_exports(library, map_file):
    name = os.path.basename(library)
    exported, allowed = elf.exported(library), allow_list(map_file)
    tap.check(f"{map_file} names each symbol, without wildcards",
              allowed and not any(set("*?") & set(a) for a in allowed), allowed)
    tap.check(f"{name} exports what {map_file} allows and nothing else", exported == allowed,
              f"more: {sorted(exported - allowed)}\nless: {sorted(allowed - exported)}")


def check_hardening(library):
    name = os.path.basename(library)
    dynamic = elf.dynamic(library)
    flags = " ".join(dynamic.get("FLAGS_1", []) + dynamic.get("FLAGS", []))
    tap.check(f"{name} binds all at load (NOW)", "NOW" in flags, flags)
    tap.check(f"{name} stays once loaded (NODELETE)", "NODELETE" in flags, flags)
    tap.check(f"{name} has no text relocations and no search path but its own folder",
              "TEXTREL" not in dynamic
              and set(dynamic.get("RPATH", []) + dynamic.get("RUNPATH", [])) <= {"$ORIGIN"}, dynamic)
    segments = elf.segments(library)
    tap.check(f"{name} has RELRO and a stack that is not executable",
              any(t == "GNU_RELRO" for t, _ in segments)
              and any(t == "GNU_STACK" and "E" not in f for t, f in segments), segments)


def check_engine():
    library = os.path.join(LIB, "libpodo.so")
    check_exports(library, "lib/exports/libpodo.map")
    check_hardening(library)
    podo_functions = {a for a in allow_list("lib/exports/libpodo.map") if a.startswith("podo_")}
    tap.check_equal("libpodo.so exports every function of podo_c.h", podo_functions, declared())
    needed = elf.dynamic(library)["NEEDED"]
    tap.check("libpodo.so does not need libunwind.so, which defines _Unwind_*",
              not any(n.startswith("libunwind.so") for n in needed), needed)
    unwind = [i for i, n in enumerate(needed) if n.startswith("libunwind")]
    tap.check("libgcc_s stands in front of libunwind in what libpodo.so needs",
              "libgcc_s.so.1" in needed and all(needed.index("libgcc_s.so.1") < i for i in unwind), needed)
    tap.check_equal("the soname carries the interface version",
                    elf.dynamic(library)["SONAME"], ["libpodo.so.0"])


def check_network_module():
    library = os.path.join(LIB, "libpodo_net.so")
    check_exports(library, "lib/exports/libpodo_net.map")
    check_hardening(library)
    tap.check_equal("beside operator new and delete it exports one function",
                    [n for n in elf.exported(library) if not re.match(r"_Z(nw|na|dl|da)", n)],
                    ["podo_net_module"])
    tap.check("only Boost's and the language's own symbols of libpodo_net.a bear another name than podo's",
              not [n for n, kind in elf.defined(os.path.join(LIB, "libpodo_net.a"))
                   if kind in "TDBRC" and not n.startswith("podo_") and not re.match(r"_Z\w*?(4podo|\d+podo_)", n)])


def check_archive():
    path = os.path.join(LIB, "libpodo.a")
    with open(path, "rb") as f:
        tap.check_equal("libpodo.a is a regular archive, not a thin one", f.read(8), b"!<arch>\n")
    strong = [n for n, kind in elf.defined(path) if kind in "TDBRC"]
    # Hidden symbols of an archive still meet the host's in one link: all must bear podo's name.
    clashing = [n for n in strong if not n.startswith("podo_") and not re.match(r"_Z\w*?4podo", n)]
    tap.check("every symbol libpodo.a defines bears podo's name", strong and not clashing, clashing)
    tap.check("libpodo.a defines every function of podo_c.h", declared() <= set(strong),
              declared() - set(strong))


def check_preload():
    if not os.path.isdir(os.path.join(tap.source_dir(), "lib", "preload")):
        return
    library = os.path.join(LIB, "libpodo_preload.so")
    if not os.path.exists(library):
        library = os.path.join(LIB, "preload", "libpodo_preload.so")
    if not tap.check("build/lib/libpodo_preload.so is built",
                     library == os.path.join(LIB, "libpodo_preload.so") and os.path.exists(library)):
        return
    maps = [os.path.relpath(m, tap.source_dir()) for pattern in ("exports/libpodo_preload.map", "preload/*.map")
            for m in glob.glob(os.path.join(tap.source_dir(), "lib", pattern))]
    if tap.check("libpodo_preload.so has one allow-list", len(maps) == 1, maps):
        check_exports(library, maps[0])
    check_hardening(library)
    needed = elf.dynamic(library).get("NEEDED", [])
    tap.check("libpodo_preload.so needs nothing but libc (libstdc++ would double a short program's start)",
              all(re.match(r"(libc|ld-linux[\w-]*)\.so", n) for n in needed), needed)


check_engine()
check_network_module()
check_archive()
check_preload()
sys.exit(tap.done())
