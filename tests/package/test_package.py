#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 600
"""Outside projects build against a staged install: pkg-config and CMake, shared and static."""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "export"))
import elf  # noqa: E402
import tap  # noqa: E402
from receiver import Receiver  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
STAGE = os.path.realpath(tap.temp_dir())


def find(ending):
    found = [os.path.join(folder, n) for folder, _, names in os.walk(STAGE) for n in names
             if os.path.join(folder, n).endswith(ending)]
    return sorted(found)


def install():
    result = tap.run(["meson", "install", "-C", tap.build_dir(), "--destdir", STAGE, "--no-rebuild"], 120)
    if not tap.check("meson install fills a staged tree", result.returncode == 0, result):
        return None
    public = ["/podo/" + name for name in ("asio.h", "context.h", "context_c.h", "podo.h", "podo_c.h", "sink.h",
                                             "sink_c.h")]
    for ending in (*public, "/libpodo.so", "/libpodo.so.0", "/libpodo.a",
                   "/libpodo_net.so", "/libpodo_net.a", "/podo-net.pc",
                   "/podo.pc", "/podo-config.cmake", "/podo-config-version.cmake"):
        tap.check(f"it holds one {ending[1:]}", len(find(ending)) == 1, find(ending))
    if os.path.isdir(os.path.join(tap.source_dir(), "lib", "preload")):
        tap.check("it holds libpodo_preload.so beside libpodo.so",
                  find("/libpodo_preload.so") == [os.path.join(os.path.dirname(p), "libpodo_preload.so")
                                                  for p in find("/libpodo.so")])
    tap.check("it holds libpodo_net.so beside libpodo.so, which looks for it there",
              find("/libpodo_net.so") == [os.path.join(os.path.dirname(p), "libpodo_net.so")
                                          for p in find("/libpodo.so")])
    headers = [p for p in find(".h") if not p.endswith(tuple(public))]
    tap.check("it holds no header that is not public", not headers, headers)
    for name in (".pc", ".cmake"):
        texts = [open(p, encoding="utf-8").read() for p in find(name)]
        tap.check(f"{name} files name no path of the build",
                  texts and not any(tap.source_dir() in t or "@" in t for t in texts))
    return os.path.dirname(find("/podo.pc")[0])


def has_module(path):
    return "podo_net_module" in (name for name, _ in elf.defined(path))


def run_program(path, library_path=None):
    shared = os.path.basename(path).startswith(("shared", "clang"))
    needed = elf.dynamic(path)["NEEDED"]
    tap.check(f"{os.path.basename(path)} {'needs' if shared else 'does not need'} libpodo.so.0",
              ("libpodo.so.0" in needed) == shared, needed)
    result = tap.run([path], 30, env=tap.clean_environment(LD_LIBRARY_PATH=library_path))
    tap.check(f"{os.path.basename(path)} runs", result.returncode == 0 and "version 0." in result.stdout, result)


def check_pkg_config(pc_dir):
    env = tap.clean_environment(PKG_CONFIG_PATH=pc_dir)
    version = tap.run(["pkg-config", "--modversion", "podo"], env=env)
    with open(os.path.join(tap.source_dir(), "meson.build"), encoding="utf-8") as f:
        tap.check("podo.pc carries the version of the project",
                  f"version: '{version.stdout.strip()}'" in f.read(), version)
    plain = tap.run(["pkg-config", "--cflags", "--libs", "podo"], env=env)
    tap.check("users of the shared library get no flag of podo's dependencies",
              plain.returncode == 0 and not {"absl", "unwind", "-ldw"} & set(plain.stdout.replace("_", " ").split())
              and "absl" not in plain.stdout and "unwind" not in plain.stdout, plain)
    programs = ["shared_cc", "shared_c", "static_cc", "static_c", "static_net_cc"]
    if shutil.which("clang++"):
        programs.append("clang_cc")
    else:
        tap.skip("clang_cc builds by pkg-config", "clang")
    out = tap.temp_dir()
    for program in programs:
        made = tap.run(["make", "-C", os.path.join(HERE, "pkgconfig_project"), program, f"OUT={out}"], 120, env=env)
        if tap.check(f"pkg-config: {program} builds", made.returncode == 0, made):
            run_program(os.path.join(out, program))
    tap.check("pkg-config: podo-net links the network module in, podo does not",
              has_module(os.path.join(out, "static_net_cc")) and not has_module(os.path.join(out, "static_cc")))
    check_wholly_static(env, out)


def check_wholly_static(env, out):
    """Nothing shared: what cannot load the module says so, and has it if it is linked in."""
    env = dict(env, SOURCE=tap.source_dir())
    server = Receiver()
    url = f"http://127.0.0.1:{server.port}/"
    for program in ("wholly_static", "wholly_static_net"):
        made = tap.run(["make", "-C", os.path.join(HERE, "pkgconfig_project"), program, f"OUT={out}"], 200, env=env)
        if not tap.check(f"{program} builds", made.returncode == 0, made):
            continue
        result = tap.run([os.path.join(out, program), url], 30)
        if program.endswith("net"):
            tap.check("a wholly static program with libpodo_net.a posts", '"status": 200' in result.stdout, result)
        else:
            tap.check("a wholly static program without it is told what to link",
                      "a static program cannot load: link libpodo_net.a" in result.stdout, result)


def check_cmake(pc_dir):
    if not shutil.which("cmake"):
        tap.skip("an outside project finds podo by CMake", "cmake")
        return
    out = tap.temp_dir()
    prefix = os.path.dirname(os.path.dirname(find("/include/podo/podo.h")[0]))
    prefix = os.path.dirname(prefix)
    setup = tap.run(["cmake", "-S", os.path.join(HERE, "cmake_project"), "-B", out,
                     f"-DCMAKE_PREFIX_PATH={prefix}"], 120, env=tap.clean_environment())
    if not tap.check("CMake: find_package(podo) with both components succeeds", setup.returncode == 0, setup):
        return
    made = tap.run(["cmake", "--build", out, "-j2"], 200, env=tap.clean_environment())
    if tap.check("CMake: the project builds", made.returncode == 0, made):
        for program in ("shared_cc", "shared_c", "static_cc", "static_c", "static_net_cc"):
            run_program(os.path.join(out, program))
        tap.check("CMake: podo::podo_net_static links the network module in",
                  has_module(os.path.join(out, "static_net_cc")))
    refused = tap.run(["cmake", "-P", os.path.join(HERE, "cmake_project", "refuse.cmake")], 60,
                      env=tap.clean_environment(PODO_PREFIX=prefix))
    tap.check("CMake: a version podo is not is refused", "refused 9.0" in refused.stderr, refused)


def check_moved_tree(pc_dir):
    """An unpacked tarball: all paths follow the files."""
    moved = os.path.join(os.path.realpath(tap.temp_dir()), "elsewhere")
    shutil.copytree(STAGE, moved, symlinks=True)
    libs = tap.run(["pkg-config", "--libs", "podo"],
                   env=tap.clean_environment(PKG_CONFIG_PATH=pc_dir.replace(STAGE, moved)))
    folders = [os.path.realpath(f[2:]) for f in libs.stdout.split() if f.startswith("-L")]
    tap.check("podo.pc of a moved tree points into that tree",
              len(folders) == 1 and os.path.exists(folders[0] + "/libpodo.so")
              and folders[0].startswith(moved), libs)


def check_doctor():
    """It finds the libraries of its own installation, wherever that was put."""
    doctor = find("/bin/podo-doctor")
    if not tap.check("it holds one bin/podo-doctor", len(doctor) == 1, doctor):
        return
    result = tap.run([doctor[0]], 30, env=tap.clean_environment(
        PODO_EXPORT=f"otlp+http://127.0.0.1:{tap.free_port()}"))
    tap.check("podo-doctor finds the preload library of its own installation",
              f"LD_PRELOAD={find('/libpodo_preload.so')[0]}\n" in result.stdout, result)
    tap.check("podo-doctor finds the network module of its own installation",
              "Connection refused" in result.stdout, result)
    run = tap.run([doctor[0], "--", sys.executable, "-c", "sum(range(30000000))"], 60,
                  env=tap.clean_environment())
    tap.check("podo-doctor profiles a program by them", re.search(r"processes +[1-9]\d* profiled to the end", run.stdout), run)


def main():
    pc_dir = install()
    if pc_dir:
        check_doctor()
        check_pkg_config(pc_dir)
        check_cmake(pc_dir)
        check_moved_tree(pc_dir)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
