#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""PODO_SIGNAL_CONFLICT: a handler that was taken is taken back, or one that was there goes on behind
podo's."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage  # noqa: E402
from stage import tap  # noqa: E402

LONG = os.environ.get("PODO_TEST_LONG") == "1"
CLOCKS = ("auto", "thread", "process", "itimer", "perf") if LONG else ("auto",)


def retake():
    for clock in ("auto", "itimer") if LONG else ("itimer",):
        ended = stage.linked(f"retake, {clock}: a service installs a SIGPROF handler four times", "retaken",
                             PODO_SIGNAL_CONFLICT="retake", PODO_CLOCK=clock)
        tap.check(f"retake, {clock}: podo's is back three times; the fourth time the service's stays",
                  ended.has(start=0, back=3, quiet=1, kept=1, adds_up=1) and ended.facts["ticks_between"] >= 4, ended)
        tap.check(f"retake, {clock}: each time and the end are said",
                  len(ended.logged("podo took it back")) == 3 and
                  len(ended.logged("was taken by the program; profiling is off")) == 1, ended)
    result = tap.run([os.path.join(stage.BUILD, "tests", "capture", "capture_signals"), "takes-later"], 60,
                     env=stage.environment(PODO_SIGNAL_CONFLICT="retake", PODO_CLOCK="itimer"))
    ended = stage.Ended(result)
    tap.check("retake: a service that arms ITIMER_PROF, too, keeps both",
              ended.has(kept=1) and not ended.logged("took it back"), ended)
    ended = stage.linked("yield: a service takes the signal later", "taken-later", PODO_SIGNAL=stage.RT)
    tap.check("yield: it is the service's from the first time on", ended.has(kept=1) and
              not ended.logged("took it back"), ended)


def chain():
    for clock in CLOCKS:
        ended = stage.linked(f"chain, {clock}: a service with a SIGPROF profiler of its own starts podo",
                             "chained", PODO_SIGNAL_CONFLICT="chain", PODO_CLOCK=clock)
        facts = ended.facts
        tap.check(f"chain, {clock}: its handler gets the ticks of ITIMER_PROF ({facts.get('by_itimer')} of some 50),"
                  f" of its own POSIX timer ({facts.get('by_timer')} of some 10), and 10 of 10 sent",
                  10 <= facts.get("by_itimer", 0) <= 80 and facts["by_timer"] >= 4 and facts["queued"] == 10,
                  ended)
        tap.check(f"chain, {clock}: it gets them in a fork child and after Stop, too, and its timer is as it was",
                  ended.has(child=0, itimer_us=20000) and facts["after_stop"] >= 2, ended)
        tap.check(f"chain, {clock}: it never sees a tick of podo; podo's add up, also when it starts once more",
                  ended.has(strange=0) and ended.all["start"] == [0, 0] and ended.all["adds_up"] == [1, 1] and
                  min(ended.all["ticks"]) >= 10, ended)
        tap.check(f"chain, {clock}: what cannot tell its ticks from the program's is replaced, which is said",
                  len(ended.logged("auto is used")) == 2 * (clock in ("itimer", "perf")), ended)
    ended = stage.linked("chain: a service with a handler of one argument starts podo", "chained-plain",
                         PODO_SIGNAL_CONFLICT="chain")
    tap.check("chain: it gets what is sent, and no tick of podo", ended.has(host_ticks=10, adds_up=1) and
              ended.facts["ticks"] >= 20, ended)


def refused():
    for scenario, words, why in (("chained-once", "wants one signal only (SA_RESETHAND)", "one signal only"),
                                 ("chained-nowhere", "is in no library", "in no library"),
                                 ("chained-late", "came after podo's first Start", "was there before")):
        ended = stage.linked(f"chain: a service whose handler {words} ends well", scenario,
                             PODO_SIGNAL_CONFLICT="chain")
        tap.check(f"chain: podo refuses a handler that {words}, says why, and leaves it alone",
                  ended.has(start=3, kept=1) and why in ended.messages[-1], ended)
    plugin = os.path.join(stage.BUILD, "tests", "coexist", "coexist_plugin.so")
    ended = stage.linked("chain: a plugin with a handler is unloaded, and a signal comes: the service lives",
                         "chained-plugin", PODO_SIGNAL_CONFLICT="chain", TEST_PLUGIN=plugin)
    tap.check("chain: podo keeps the plugin's code loaded", ended.has(start=0, adds_up=1, done=1), ended)
    for mode in ("retake", "chain"):
        stage.preloaded(f"{mode}, preloaded: a program that takes the signal has it", "takes",
                        PODO_SIGNAL_CONFLICT=mode, TEST_SIGNAL=27, PODO_CLOCK="auto")


def gperftools():
    if not os.path.exists(stage.PROFILER):
        return tap.skip("chain: gperftools' profiler goes on behind podo", "libprofiler.so.0 of libgoogle-perftools4")
    path = os.path.join(tap.temp_dir(), "gperftools.prof")
    ended = stage.linked("chain: gperftools' profiler goes on behind podo", "burn", LD_PRELOAD=stage.PROFILER,
                         CPUPROFILE=path, PODO_SIGNAL_CONFLICT="chain")
    theirs = stage.legacy_samples(path) if os.path.exists(path) else 0
    ours = ended.facts.get("ticks", 0)
    tap.check(f"chain: both have their samples ({theirs} at 100 Hz, {ours} at 250 Hz)",
              theirs >= 20 and ours >= 60 and ended.has(adds_up=1), ended)
    return None


def main():
    retake()
    chain()
    refused()
    gperftools()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
