#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Services that forbid themselves system calls after podo has started: for a thread, and for all."""

import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage  # noqa: E402
from stage import tap  # noqa: E402

# What the service itself and libc's threads and malloc need, and no more.
OWN = ("write futex clock_gettime clock_nanosleep mmap munmap mremap mprotect madvise brk clone3 clone set_robust_list "
       "rseq rt_sigprocmask rt_sigreturn restart_syscall prctl gettid getpid exit exit_group").split()


def documented():
    """The block behind `system calls of podo` in docs/coexistence.md."""
    with open(os.path.join(tap.source_dir(), "docs", "coexistence.md"), encoding="utf-8") as f:
        block = re.search(r"<!-- system calls of podo -->\n```\n(.*?)```", f.read(), re.DOTALL)
    return block[1].split() if block else []


def numbers():
    """{name: number} of this machine's system calls, by the compiler's headers."""
    made = tap.run(["g++", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c++", "/dev/null"])
    return {name: int(n) for name, n in re.findall(r"^#define __NR_(\w+) (\d+)$", made.stdout, re.MULTILINE)}


def run(how, answer="", names=(), **settings):
    known = numbers()
    folder = tap.temp_dir()
    result = tap.run([stage.program("filter"), how, *([answer] if answer else []),
                      *(str(known[n]) for n in names if n in known)], 60,
                     env=stage.environment(PODO_EXPORT=f"file://{folder}/", PODO_INTERVAL="1s", **settings))
    return stage.Ended(result), glob.glob(folder + "/*.pb.gz")


def main():
    for clock in ("auto", "thread", "itimer"):
        ended, _ = run("thread", PODO_CLOCK=clock)
        tap.check(f"{clock}: a thread that may do nothing but compute and end, on pain of death, is sampled and lives",
                  ended.result.returncode == 0 and ended.has(start=0, sampled_inside=1, adds_up=1, done=1), ended)
    calls = documented()
    tap.check("docs/coexistence.md lists the system calls that podo makes", len(calls) > 30, calls)
    for clock in ("auto", "thread", "itimer"):
        ended, profiles = run("process", "kill", calls, PODO_CLOCK=clock, PODO_SYMBOLIZE="full")
        tap.check(f"{clock}: with just those allowed and the others deadly, the service is sampled, flushes, and lives",
                  ended.result.returncode == 0 and profiles and
                  ended.has(start=0, sampled_inside=1, flushed=1, adds_up=1, done=1), ended)
    ended, _ = run("process", "kill", [c for c in calls if not c.startswith("timer_")])
    tap.check("a filter that kills at timer_create and timer_delete does kill: such a list was tested",
              ended.result.returncode == -31, ended)
    for clock in ("auto", "itimer"):
        ended, _ = run("process", "errno", OWN, PODO_CLOCK=clock, PODO_SYMBOLIZE="full")
        tap.check(f"{clock}: with EPERM for all that the service does not need itself, podo goes on with what is left",
                  ended.result.returncode == 0 and ended.has(start=0, sampled_inside=1, adds_up=1, done=1), ended)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
