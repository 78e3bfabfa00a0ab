#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""Clocks that measure threads give each function its share, also where the others cannot."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clocks  # noqa: E402
from clocks import tap  # noqa: E402

EXECS = 40
NO_ITIMER = ("process", "thread")


def shares():
    for clock in clocks.CLOCKS:
        for scenario, threads in (("equal", 4), ("unequal", 4)):
            run = clocks.Run(clock, scenario, threads, 2000)
            if not run.check_ended():
                continue
            if clock in ("thread", "auto"):
                tap.check(f"{run.name}: each function has its share of the samples within z = {clocks.Z}",
                          len(run.cpu_ns) == threads and run.worst_z() < clocks.Z,
                          f"{run.shares()}\n{run.result}")
            else:  # who runs at the tick is not a random choice: docs/accuracy.md has the figures
                tap.check(f"{run.name}: every function is sampled", len(run.cpu_ns) == threads and
                          all(run.samples.values()), f"{run.shares()}\n{run.result}")
            if clock in NO_ITIMER:
                tap.check(f"{run.name}: ITIMER_PROF is left to the program",
                          run.facts.get("itimer_armed") == 0, run.facts)
            if clock in ("thread", "auto"):
                tap.check(f"{run.name}: each thread has a timer of its own",
                          run.facts.get("thread_timers", 0) >= threads, run.facts)


def short_threads():
    """Threads of 1 to 40 ms: the 100 ms between two looks at /proc must not matter."""
    run = clocks.Run("auto", "churn", 4, 3000)
    if not run.check_ended():
        return
    tap.check(f"{run.name}: each function has its share of the samples within z = {clocks.Z}",
              len(run.cpu_ns) == 4 and run.worst_z() < clocks.Z, f"{run.shares()}\n{run.result}")
    tap.check(f"{run.name}: ticks stand for 85 to 115 % of the CPU time",
              0.85 <= run.total_ratio() <= 1.15, f"{run.total_ratio()}\n{run.result}")


def blocked_thread():
    for clock in ("thread", "auto"):
        run = clocks.Run(clock, "blocked", 3, 3000)
        if not run.check_ended():
            continue
        missing = run.profile.samples.get("[not sampled]", 0) / run.profile.total()
        share = run.cpu_ns[0] / sum(run.cpu_ns.values())
        tap.check(f"{run.name}: the thread that blocks SIGPROF is shown as [not sampled], not spread "
                  "over the others", abs(missing - share) < 0.1 and run.samples[0] == 0,
                  f"{missing} of {share}\n{run.result}")
        tap.check(f"{run.name}: it is named once",
                  len([l for l in run.log if "blocks SIGPROF" in l and "[not sampled]" in l]) == 1,
                  run.log)


def few_timers():
    """Of 67 signals that may be queued 64 are left to the host: three timers at most."""
    for clock in ("thread", "auto"):
        run = clocks.Run(clock, "few-timers", 6, 2000)
        if not run.check_ended():
            continue
        tap.check(f"{run.name}: timers run out, which is counted and said once",
                  run.facts.get("refused_timers", 0) > 0 and run.facts["thread_timers"] <= 3 and
                  len([l for l in run.log if "no more thread timers" in l]) == 1,
                  f"{run.facts}\n{run.log}")
        tap.check(f"{run.name}: threads without one are sampled all the same",
                  all(run.samples.values()), f"{run.shares()}\n{run.result}")


def survives(clock):
    program = tap.build_dir() + "/tests/accuracy/clock_case"
    result = tap.run([program, "exec", str(EXECS), "8"], 60,
                     env=tap.clean_environment(PODO_CLOCK=clock, PODO_SAMPLE_HZ="250"))
    tap.check(f"{clock}: {EXECS} of {EXECS} execs by a program with two busy threads survive",
              result.returncode == 0, result)
    ticks = re.search(r"^ticks_after_failed_exec (\d+)$", result.stdout, re.MULTILINE)
    tap.check(f"{clock}: after an exec that failed sampling goes on",
              ticks is not None and int(ticks[1]) >= 10, result)


def perf_allowed():
    """Asks podo itself: what the kernel says differs by version, capabilities and seccomp."""
    run = clocks.Run("perf", "equal", 1, 50)
    refused = [l for l in run.log if "PODO_CLOCK=perf" in l]
    if refused:
        tap.skip("PODO_CLOCK=perf", refused[0])
    return not refused


def perf():
    """High-resolution ticks: four times the kernel's own rate, and none lost."""
    for scenario, threads in (("equal", 4), ("unequal", 4)):
        run = clocks.Run("perf", scenario, threads, 2000, PODO_SAMPLE_HZ="1000")
        if not run.check_ended():
            continue
        tap.check(f"{run.name}: each function has its share of the samples within z = {clocks.Z}",
                  len(run.cpu_ns) == threads and run.worst_z() < clocks.Z,
                  f"{run.shares()}\n{run.result}")
        tap.check(f"{run.name}: 1000 Hz are not clamped, and ticks stand for 90 to 110 % of the CPU time",
                  run.profile.totals.get("hz", 0) >= 1000 and 0.9 <= run.total_ratio() <= 1.1,
                  f"{run.total_ratio()} {run.profile.totals}\n{run.result}")
        tap.check(f"{run.name}: each thread has an event of its own",
                  run.facts.get("thread_timers", 0) >= threads, run.facts)
    run = clocks.Run("perf", "few-files", 12, 2000)
    if run.check_ended():
        tap.check(f"{run.name}: events take a quarter of the descriptors, above half of them, which is said once",
                  run.facts.get("refused_timers", 0) > 0 and run.facts["highest_descriptor"] <= 13 and
                  len([l for l in run.log if "no more perf events" in l]) == 1,
                  f"{run.facts}\n{run.log}")
        tap.check(f"{run.name}: threads without one are sampled all the same",
                  all(run.samples.values()), f"{run.shares()}\n{run.result}")
    survives("perf")


def perf_refused():
    """Container engines forbid the call."""
    run = clocks.Run("perf", "no-perf", 2, 500)
    if not run.check_ended():
        return
    tap.check(f"{run.name}: perf_event_open is refused, which is said in one line, and auto measures",
              len([l for l in run.log if "PODO_CLOCK=perf" in l and "using auto" in l]) == 1 and
              run.facts.get("thread_timers", 0) >= 1 and all(run.samples.values()),
              f"{run.facts}\n{run.log}")


def main():
    shares()
    short_threads()
    blocked_thread()
    few_timers()
    for clock in clocks.CLOCKS:
        survives(clock)
    if perf_allowed():
        perf()
    perf_refused()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
