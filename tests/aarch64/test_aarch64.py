#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 2400
"""podo for aarch64: cross-built with signed return addresses (PAC, BTI), run under qemu-user."""

import fcntl
import glob
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import doctest_tap  # noqa: E402
import pypi  # noqa: E402
import tap  # noqa: E402

TOOL = "aarch64-linux-gnu-"
PACKAGES = ("libc6-dev libstdc++-12-dev libunwind-dev libabsl-dev libdw-dev libelf-dev libzstd-dev zlib1g-dev libprotozero-dev "
            "robin-map-dev doctest-dev libboost-dev libboost-context-dev libre2-dev libssl-dev nlohmann-json3-dev").split()
UNITS = ("base", "model", "context", "encode")
# Of unit/capture: what is not written in x86_64's register numbers.
CAPTURE_CASES = ("Every row of the libraries*", "this glibc*s layout*")
TARGETS = ["lib/libpodo.a", "tests/aarch64/aarch64_walk", "tests/aarch64/aarch64_service", "tests/unit/podo_unit_capture",
           *(f"tests/unit/podo_unit_{unit}" for unit in UNITS)]
APT = """APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
Dir::State "{0}/state";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache";
Dir::Etc::PreferencesParts "/dev/null";
APT::Install-Recommends "false";
Acquire::Languages "none";
"""
CROSS = """[binaries]
c = '{tool}gcc'
cpp = '{tool}g++'
ar = '{tool}ar'
strip = '{tool}strip'
pkgconfig = 'pkg-config'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
[properties]
sys_root = '{root}'
pkg_config_libdir = '{root}/usr/lib/aarch64-linux-gnu/pkgconfig:{root}/usr/share/pkgconfig'
[built-in options]
c_args = ['--sysroot={root}', '-mbranch-protection=standard']
cpp_args = ['--sysroot={root}', '-mbranch-protection=standard']
c_link_args = ['--sysroot={root}']
cpp_link_args = ['--sysroot={root}']
"""


def fill(root):
    """Debian's arm64 packages, unpacked below `root`; the machine's own package lists stay as they are."""
    work = tap.temp_dir()
    for folder in ("state/lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(work, folder))
    open(os.path.join(work, "status"), "w", encoding="ascii").close()
    conf = os.path.join(work, "apt.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(APT.format(work))
    env = dict(os.environ, APT_CONFIG=conf)
    for command in (["apt-get", "-q", "update"], ["apt-get", "-q", "-y", "--download-only", "install", *PACKAGES]):
        result = tap.run(command, 300, env=env)
        if result.returncode != 0:
            return result
    for package in sorted(glob.glob(work + "/cache/archives/*.deb")):
        result = tap.run(["dpkg", "-x", package, root], 60)
        if result.returncode != 0:
            return result
    for folder, names, files in os.walk(root):
        for path in (os.path.join(folder, name) for name in names + files):
            if os.path.islink(path) and os.readlink(path).startswith("/"):  # to a place of the other machine
                target = root + os.readlink(path)
                os.unlink(path)
                os.symlink(os.path.relpath(target, folder), path)
    with open(root + "/usr/share/pkgconfig/doctest.pc", "w", encoding="ascii") as f:
        f.write("prefix=/usr\nName: doctest\nDescription: unit tests\nVersion: 2\nCflags: -I${prefix}/include\n")
    return None


def sysroot():
    """The folder, kept from run to run, or None after the script was told why."""
    place = os.path.join(pypi.cache_dir(), "sysroot-arm64-bookworm-1")
    os.makedirs(pypi.cache_dir(), exist_ok=True)
    with open(place + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(place):
            made = tempfile.mkdtemp(prefix="sysroot-", dir=pypi.cache_dir())
            os.makedirs(made + "/usr/share/pkgconfig")
            problem = fill(made)
            if problem is not None:
                shutil.rmtree(made)
                print(f"# {problem}")
                tap.skip("podo on aarch64", "arm64 packages of Debian")
                return None
            os.rename(made, place)
    return place


def build(root):
    directory = os.path.join(tap.source_dir(), "build-aarch64")
    cross = os.path.join(root, "cross.ini")  # read again whenever meson sets up anew
    if not os.path.exists(cross):
        with open(cross, "w", encoding="utf-8") as f:
            f.write(CROSS.format(tool=TOOL, root=root))
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        shutil.rmtree(directory, ignore_errors=True)
        made = tap.run(["meson", "setup", directory, tap.source_dir(), "--cross-file", cross, "-Dexamples=false"], 300)
        if not tap.check("build-aarch64 is set up", made.returncode == 0, made):
            return None
    made = tap.run(["ninja", "-C", directory, *TARGETS], 1800)
    good = tap.check("libpodo.a and its tests compile for aarch64 without a warning", made.returncode == 0,
                     "\n".join(str(made).splitlines()[-60:]))
    return directory if good else None


def check_handler(directory):
    """As house/test_handler.py does for x86_64: nothing is called outside the object."""
    found = glob.glob(directory + "/lib/**/libpodo_handler.a.p/*.o", recursive=True)
    undefined = tap.run([TOOL + "nm", "-u", *found]).stdout.split()[1::2]
    tap.check("the handler's object names no symbol of others", len(found) == 1 and not undefined, undefined)
    code = tap.run([TOOL + "objdump", "-dr", *found]).stdout
    tap.check("it has code, and makes no call through a register or a thread-local's descriptor",
              code.count("\tret") > 5 and not re.search(r"\tblr\s|TLSDESC", code), code[-2000:])
    tap.check("it makes system calls in four places, as on x86_64", code.count("\tsvc\t") == 4, code.count("\tsvc\t"))
    tap.check("its entry is a place to jump to", re.search(r"<podo_sigprof_entry>:\n[^\n]*bti\tc", code),
              code[-2000:])


def main():
    for tool in (TOOL + "g++", "qemu-aarch64"):
        if shutil.which(tool) is None:
            tap.skip("podo on aarch64", tool)
            return tap.done()
    root = sysroot()
    directory = build(root) if root else None
    if not directory:
        return tap.done()
    check_handler(directory)
    # The programs run by qemu-user on their own, as the tests' harness starts them.
    os.environ["QEMU_LD_PREFIX"] = root
    run = ["qemu-aarch64", "-L", root]
    result = tap.run([*run, os.path.join(directory, "tests/aarch64/aarch64_walk")], 120, env=tap.clean_environment())
    seen = {name: (same == "1", int(frames)) for name, same, frames in re.findall(r"^seen (\w+) (\d) (\d+)", result.stdout, re.M)}
    tap.check("the code is built with signed return addresses", "signed=1" in result.stdout, result)
    # "signals" of the program needs process_vm_readv, which qemu-user has not.
    for name, what in (("calls", "a chain of calls"), ("leaf", "a leaf function without a frame")):
        same, frames = seen.get(name, (False, 0))
        tap.check(f"{what}: podo's {frames} frames are those of libgcc's unwinder", same and frames > 20, result)
    folder = tap.temp_dir()
    for clock in ("auto", "itimer"):
        result = tap.run([*run, os.path.join(directory, "tests/aarch64/aarch64_service")], 240, env=tap.clean_environment(
            PODO_EXPORT=f"file://{folder}/{clock}.folded", PODO_CLOCK=clock, PODO_LOG="info"))
        facts = {k: int(v) for k, v in re.findall(r"^(\w+)=(\d+)$", result.stdout, re.M)}
        tap.check(f"{clock}: a service is sampled, and ends well",
                  result.returncode == 0 and facts.get("start") == 0 and facts.get("stopped") == 1
                  and facts.get("taken", 0) >= 100, result)
        with open(f"{folder}/{clock}.folded", encoding="utf-8") as f:
            lines = [line.rsplit(" ", 1) for line in f]
        whole = sum(int(n) for stack, n in lines if re.match(r"(_start;.*;main|libc.*;.*main).*;BurnHere", stack))
        tap.check(f"{clock}: {whole} of its samples go from the entry to the function that burns", whole >= 50, lines)
    for unit in UNITS:
        binary = os.path.join(directory, "tests", "unit", "podo_unit_" + unit)
        wrapper = os.path.join(tap.temp_dir(), "podo_unit_" + unit)
        with open(wrapper, "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\nexec qemu-aarch64 -L {root} {binary} "$@"\n')
        os.chmod(wrapper, 0o755)
        doctest_tap.run_binary(wrapper, deadline=300)
    result = tap.run([*run, os.path.join(directory, "tests/unit/podo_unit_capture"), "--no-colors",
                      "-tc=" + ",".join(CAPTURE_CASES)], 400, env=tap.clean_environment())
    compared = sum(int(n) for n in re.findall(r"compared (\d+)", result.stdout))
    tap.check(f"unwind rows of aarch64 libraries are libdw's at {compared} addresses; glibc's layout is found",
              result.returncode == 0 and compared > 100000, result)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
