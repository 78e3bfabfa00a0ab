#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""Hosts with an allocator, a sanitizer, a root or a limit of their own, and ones that unload podo."""

import atexit
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage  # noqa: E402
from stage import tap  # noqa: E402

LIBRARIES = "/usr/lib/x86_64-linux-gnu/"
PRIVATE = ("unshare", "-m", "--propagation", "private", "sh", "-ec")


def inside(sentence, scenario="works", host="inside", command=(), **settings):
    """Runs coexist_inside; checks that it ends well, is sampled, and that every tick adds up."""
    ended = stage.linked(f"{sentence}: the service ends well", scenario, host=host, command=command, **settings)
    tap.check(f"{sentence}: podo samples it ({ended.facts.get('ticks')} ticks), every tick accounted for",
              ended.has(start=0, adds_up=1, stopped=1, done=1) and ended.facts.get("ticks", 0) >= 40, ended)
    return ended


def allocators():
    folder = tap.temp_dir()
    jemalloc, tcmalloc = LIBRARIES + "libjemalloc.so.2", LIBRARIES + "libtcmalloc_and_profiler.so.4"
    if not os.path.exists(jemalloc):
        tap.skip("jemalloc with its profiler on", "libjemalloc2")
    else:
        ended = inside("jemalloc with its heap profiler on", LD_PRELOAD=jemalloc,
                       MALLOC_CONF=f"prof:true,prof_active:true,lg_prof_sample:12,prof_final:true,prof_prefix:{folder}/je")
        tap.check("jemalloc: its profile is written", any(f.startswith("je") for f in os.listdir(folder)), ended)
    if not os.path.exists(tcmalloc):
        return tap.skip("tcmalloc with its profilers on", "libgoogle-perftools4")
    ended = inside("tcmalloc with its heap and CPU profilers on", LD_PRELOAD=tcmalloc,
                   HEAPPROFILE=folder + "/heap", CPUPROFILE=folder + "/cpu", PODO_SIGNAL=stage.RT)
    theirs = stage.legacy_samples(folder + "/cpu") if os.path.exists(folder + "/cpu") else 0
    tap.check(f"tcmalloc: its profiles are written ({theirs} samples of the CPU)", theirs >= 10 and
              any(f.startswith("heap") for f in os.listdir(folder)), ended)
    result = tap.run([stage.program("inside"), "works"], 60, env=stage.environment(
        LD_PRELOAD=tcmalloc, CPUPROFILE=folder + "/second"))
    ended = stage.Ended(result)
    tap.check("tcmalloc's CPU profiler and podo both at SIGPROF: podo refuses, the service ends well",
              result.returncode == 0 and ended.has(start=3, done=1) and "libtcmalloc" in ended.messages[0], ended)
    return None


def sanitizers():
    for name, words in (("asan", "ERROR: AddressSanitizer|LeakSanitizer"), ("tsan", "WARNING: ThreadSanitizer")):
        if not os.path.exists(stage.program("inside_" + name)):
            tap.skip(f"a host built with {name}", f"lib{name} of the compiler")
            continue
        # podo itself is not built with it: what goes on between its threads cannot be seen in full.
        ended = inside(f"a host built with {name}", host="inside_" + name,
                       TSAN_OPTIONS="ignore_noninstrumented_modules=1:report_thread_leaks=0")
        tap.check(f"{name}: it has nothing to report", not re.search(words, ended.result.stderr), ended)


def large_thread_locals():
    """glibc puts them on each thread's stack, podo's too."""
    inside("3 MiB of thread-locals", host="inside_tls")
    result = tap.run([stage.program("host_tls"), "burn"], 60, env=stage.environment(
        LD_PRELOAD=stage.PRELOAD, TEST_SIGNAL=27))
    tap.check("3 MiB of thread-locals, preloaded: the program is sampled and ends as it would",
              result.returncode == stage.SURVIVED and re.search(r"podo: ticks=\d{2}", result.stderr), result)


def places():
    """Needs root, and mount namespaces for some."""
    if os.geteuid() != 0:
        return tap.skip("hosts in other roots", "root")
    root = tap.temp_dir()
    os.chmod(root, 0o755)
    ended = inside("chroot to an empty directory and setuid at run time", "drops-privileges", TEST_ROOT=root,
                   PODO_SYMBOLIZE="full")
    tap.check("it is nobody, and sampled in there too",
              ended.has(dropped=1, uid=65534) and ended.facts.get("ticks_inside", 0) >= 10, ended)
    if tap.run([*PRIVATE, "true"], env=tap.clean_environment()).returncode != 0:
        return tap.skip("hosts without /proc and with a read-only root", "mount namespaces")
    for sentence, mount in (("no /proc", "mount -t tmpfs none /proc"),
                            ("a read-only root", "mount -o remount,bind,ro /")):
        for clock in ("auto", "thread"):
            if tap.run([*PRIVATE, mount], env=tap.clean_environment()).returncode != 0:
                tap.skip(sentence, "the right to mount")
                break
            inside(f"{sentence}, {clock}", command=(*PRIVATE, mount + '; exec "$0" "$@"'), PODO_CLOCK=clock,
                   LD_LIBRARY_PATH=os.path.join(stage.BUILD, "lib"))  # the loader's $ORIGIN is of /proc
    return None


def memory_group():
    """A control group that limits memory, made by us (version 1 or 2); None if that is not allowed."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = os.path.join(root, f"podo-test-{os.getpid()}")
        try:
            os.mkdir(group)
        except OSError:
            continue
        atexit.register(os.rmdir, group)
        if os.path.exists(os.path.join(group, limit)):
            return group, os.path.join(group, limit)
    return None


def memory_limits():
    made = memory_group()
    if made is None:
        return tap.skip("a service at the memory limit of its control group", "a control group to make one in")
    group, limit = made

    def run(eaten_mib, **settings):
        join = ("sh", "-ec", f'echo $$ > {group}/cgroup.procs; exec "$0" "$@"')
        return tap.run([*join, stage.program("host"), "eats-memory"], 60, env=stage.environment(
            TEST_SIGNAL=27, TEST_MIB=eaten_mib, PODO_EXPORT=f"file://{tap.temp_dir()}/", **settings))

    def eaten(result):
        return max([int(n) for n in re.findall(r"^eaten=(\d+)$", result.stdout, re.MULTILINE)], default=0)

    with open(limit, "w", encoding="ascii") as f:
        f.write(str(96 << 20))
    podo = {"LD_PRELOAD": stage.PRELOAD, "PODO_SYMBOLIZE": "full"}
    result = run(64, **podo)
    tap.check("64 MiB of a limit of 96: the service ends as it would, and is sampled",
              result.returncode == stage.SURVIVED and re.search(r"podo: ticks=\d{2}", result.stderr), result)
    bare, profiled = run(128), run(128, **podo)
    tap.check("128 MiB: the kernel ends it by SIGKILL, as without podo",
              bare.returncode == profiled.returncode == -9, f"{bare}\n{profiled}")
    tap.check(f"podo takes at most 16 of them: {eaten(bare)} MiB without it, {eaten(profiled)} MiB with it",
              60 < eaten(bare) < 96 and eaten(bare) - 16 <= eaten(profiled), f"{bare}\n{profiled}")
    return None


def unloads():
    for library, how in ((os.path.join(stage.BUILD, "lib", "libpodo.so.0"), "loads podo, starts it and closes it"),):
        result = tap.run([stage.program("host"), "unloads"], 60, env=stage.environment(
            TEST_LIBRARY=library, TEST_SIGNAL=27))
        ended = stage.Ended(result)
        tap.check(f"a host {how} by dlclose: ticks go on, and it ends as it would", result.returncode == 42 and
                  ended.facts.get("ticks", 0) >= 20, ended)


def static_hosts():
    for kind in ("static", "static_pie"):
        path = stage.program("host_" + kind)
        if not os.path.exists(path):
            tap.skip(f"a {kind} program", "libc.a")
            continue
        result = subprocess.run([path, "fresh"], env=stage.environment(LD_PRELOAD=stage.PRELOAD), timeout=60,
                                capture_output=True, text=True, check=False)
        tap.check(f"a {kind} program under LD_PRELOAD ends as without it, and podo is silent",
                  result.returncode == 42 and result.stderr == "" == result.stdout, result)


def main():
    allocators()
    sanitizers()
    large_thread_locals()
    places()
    memory_limits()
    unloads()
    static_hosts()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
