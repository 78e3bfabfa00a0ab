#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 300
"""PODO_SIGNAL: podo ticks by a real-time signal, and SIGPROF and ITIMER_PROF are the host's."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage  # noqa: E402
from stage import tap  # noqa: E402

CLOCKS = ("auto", "thread", "process")
LONG = os.environ.get("PODO_TEST_LONG") == "1"
CLOCK_CASE = os.path.join(tap.build_dir(), "tests", "accuracy", "clock_case")


def own_profiler():
    for clock in CLOCKS if LONG else ("auto",):
        ended = stage.linked(f"{clock}: a service with a SIGPROF profiler of its own starts podo and ends",
                             "own-profiler", PODO_SIGNAL=stage.RT, PODO_CLOCK=clock)
        facts = ended.facts
        tap.check(f"{clock}: its handler gets the ticks of its own timer "
                  f"({facts.get('host_ticks')} of some 50), also after Stop",
                  10 <= facts.get("host_ticks", 0) <= 80 and facts.get("host_ticks_after", 0) >= 2, ended)
        tap.check(f"{clock}: handler and timer are as it set them", ended.has(itimer_us=20000, kept=1), ended)
        tap.check(f"{clock}: podo ticks beside it ({facts.get('ticks')} of some 250), every one accounted for",
                  120 <= facts.get("ticks", 0) <= 400 and ended.has(adds_up=1), ended)
    ended = stage.linked("a service with a SIGPROF timer that expires once starts podo", "one-shot",
                         PODO_SIGNAL=stage.RT)
    tap.check("the timer expires once, whatever podo did for an exec", ended.has(host_ticks=1), ended)


def of_the_signal():
    ended = stage.linked("a service that handles the signal itself starts", "taken-first", PODO_SIGNAL=stage.RT)
    tap.check("podo refuses, and names the signal", ended.has(start=3, kept=1) and
              "SIGRTMIN+5" in ended.messages[0], ended)
    ended = stage.linked("a service takes the signal later", "taken-later", PODO_SIGNAL=stage.RT)
    tap.check("podo's timers go, the service's handler stays", ended.has(quiet=1, kept=1), ended)
    tap.check("podo says so once, and names the signal",
              len(ended.logged("SIGRTMIN+5 was taken by the program")) == 1, ended)
    ended = stage.linked("signals that are pending or come after Stop do not kill", "after-stop",
                         PODO_SIGNAL=stage.RT)
    tap.check("Stop leaves a handler", ended.has(handler=1, adds_up=1), ended)
    ended = stage.linked("runs follow each other by four signals", "restart", PODO_SIGNAL=stage.RT)
    tap.check("each of them is sampled and adds up", ended.all.get("start") == [0] * 4 and
              ended.all.get("adds_up") == [1] * 4 and min(ended.all["ticks"]) >= 10, ended)
    ended = stage.linked("a second copy of podo in the process, asked for another signal, ends",
                         "second-copy", host="static", PODO_SIGNAL=stage.RT, LD_PRELOAD=stage.PRELOAD)
    tap.check("it finds the first one by its handler and refuses", ended.has(first=1, start=4), ended)


def clocks():
    for clock in ("itimer", "perf"):
        ended = stage.linked(f"PODO_CLOCK={clock} with a real-time signal: the service ends well", "burn",
                             PODO_SIGNAL=stage.RT, PODO_CLOCK=clock)
        tap.check(f"{clock}: one line says that auto is used, threads have timers, ITIMER_PROF is left alone",
                  len(ended.logged(f'PODO_CLOCK="{clock}" sends SIGPROF only')) == 1 and
                  len(ended.logged("auto is used")) == 1 and ended.has(itimer_us=0, adds_up=1) and
                  ended.facts["thread_timers"] >= 4 and ended.facts["ticks"] > 60, ended)
    # Before Linux 6.4 a signal to the process goes to its main thread: uname decides.
    old = ("setarch", "x86_64", "--uname-2.6")
    ended = stage.linked("on an old kernel: the service ends well", "burn", command=old,
                         PODO_SIGNAL=stage.RT, PODO_CLOCK="auto")
    tap.check("on an old kernel: ITIMER_PROF is left alone, every thread has a timer",
              ended.has(itimer_us=0, adds_up=1) and ended.facts["thread_timers"] >= 4 and
              ended.facts["ticks"] > 60, ended)
    for value in ("USR1", "RTMIN+40", "33") if LONG else ("USR1",):
        ended = stage.linked(f"PODO_SIGNAL={value}: the service ends well", "burn", PODO_SIGNAL=value)
        tap.check(f"PODO_SIGNAL={value} is refused in one line, and SIGPROF is used",
                  len(ended.logged("PODO_SIGNAL=")) == 1 and ended.facts.get("ticks", 0) > 60, ended)


def exec_survives():
    stage.linked("40 signals of that number pending at an exec do not reach the new program", "exec-pending",
                 PODO_SIGNAL=stage.RT)
    for clock in CLOCKS:
        result = tap.run([CLOCK_CASE, "exec", "20", "8"], 60, env=stage.environment(
            PODO_CLOCK=clock, PODO_SIGNAL=stage.RT))
        ticks = re.search(r"^ticks_after_failed_exec (\d+)$", result.stdout, re.MULTILINE)
        tap.check(f"{clock}: 20 of 20 execs by a program with two busy threads survive",
                  result.returncode == 0, result)
        tap.check(f"{clock}: after an exec that failed sampling goes on", ticks and int(ticks[1]) >= 10, result)


def preload():
    for clock in CLOCKS:
        for signal, number in ((stage.RT, stage.RT_NUMBER), ("PROF", 27)):
            if signal == "PROF" and not LONG:  # preload/test_signals has it
                continue
            settings = {"PODO_SIGNAL": signal, "TEST_SIGNAL": number, "PODO_CLOCK": clock}
            name = f"preloaded, {clock}, {signal}"
            stage.preloaded(f"{name}: sigwait and its kin on all signals get no tick, and what was sent",
                            "wait-all", **settings)
            stage.preloaded(f"{name}: 3,000 failing execs and one that works beside three busy threads",
                            "execs", runs=2, **settings)
            if clock != "auto" and not LONG:
                continue
            stage.preloaded(f"{name}: a signalfd for all signals gets no tick", "signalfd-all", **settings)
            stage.preloaded(f"{name}: a signalfd for podo's signal takes it", "signalfd-own", **settings)
            stage.preloaded(f"{name}: a program that resets all signals lives on", "resets-all", **settings)
            stage.preloaded(f"{name}: a program that takes the signal gets no tick", "takes", **settings)
    ended = stage.preloaded("preloaded: a program with a SIGPROF profiler of its own sees nothing of podo",
                            "own-profiler", PODO_SIGNAL=stage.RT, TEST_SIGNAL=stage.RT_NUMBER)
    tap.check(f"its handler gets its ticks ({ended.facts.get('host_ticks')} of some 30)",
              8 <= ended.facts.get("host_ticks", 0) <= 50, ended)
    tap.check("podo profiles it all the while", not ended.logged("was taken") and
              any(int(n) > 60 for n in re.findall(r"ticks=(\d+)", "\n".join(ended.log))), ended)


def gperftools():
    if not os.path.exists(stage.PROFILER):
        return tap.skip("gperftools' profiler runs beside podo", "libprofiler.so.0 of libgoogle-perftools4")
    for preloads, host, scenario, expected in ((stage.PROFILER, "linked", "burn", 0),
                                               (f"{stage.PRELOAD}:{stage.PROFILER}", "host", "burn", 42)):
        how = "a linked podo" if host == "linked" else "a preloaded podo"
        path = os.path.join(tap.temp_dir(), "gperftools.prof")
        ended = stage.linked(f"gperftools' profiler and {how} run side by side", scenario, host=host,
                             expected=expected, LD_PRELOAD=preloads, CPUPROFILE=path, PODO_SIGNAL=stage.RT,
                             TEST_SIGNAL=stage.RT_NUMBER)
        theirs = stage.legacy_samples(path) if os.path.exists(path) else 0
        ours = max([int(n) for n in re.findall(r"ticks=(\d+)", "\n".join(ended.log))] or [0])
        # 800 and 1,000 ms of CPU time at 100 and 250 Hz.
        tap.check(f"{how}: both have their samples ({theirs} at 100 Hz, {ours} at 250 Hz)",
                  theirs >= 20 and ours >= 60, ended)


def main():
    own_profiler()
    of_the_signal()
    clocks()
    exec_survives()
    preload()
    gperftools()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
