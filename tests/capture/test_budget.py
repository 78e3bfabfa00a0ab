#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 400
"""PODO_MAX_OVERHEAD: the rate falls, then the depth, then sampling stops; and all comes back."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402

PAUSED = "[paused: PODO_MAX_OVERHEAD]"


def run(sentence, *arguments, **env):
    settings = {"PODO_MAX_OVERHEAD": "30%", "PODO_SAMPLE_HZ": "100", "PODO_LOG": "info", **env}
    folder = tap.temp_dir()
    path = os.path.join(folder, "run.folded")
    settings["PODO_EXPORT"] = f"file://{path},file://{folder}/"
    ended, folded = scenario.folded_run(sentence, "budget", *arguments, symbolize="functions",
                                        interval="1s", env=settings, deadline=280)
    return ended, scenario.Folded(path), folder


def ticks_of(folded, name):
    return sum(n for frames, n in folded.stacks if any(name in f for f in frames))


def comments(folder):
    """What the pprof files of a run say of their windows."""
    import gzip
    said = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".pb.gz"):
            with gzip.open(os.path.join(folder, name)) as f:
                said += re.findall(rb"podo: [ -~]*", f.read())
    return [line.decode() for line in said]


def host_cpu_ms(ended):
    log = "\n".join(ended.log)
    return (float(re.search(r"cpu_ms=(\d+)", log)[1]) -
            float(re.search(r"own_cpu_us=(\d+)", log)[1]) / 1000)


def ticks_misplaced(ended):
    """At most, by changes of the rate: the tick that is under way, each time."""
    divisors = [1] + [round(100 / float(hz)) for line in ended.log
                      for hz in re.findall(r"; sampling at ([0-9.]+) Hz", line)]
    return sum(max(pair) for pair in zip(divisors, divisors[1:])) + 1.5 * divisors[-1]


def check_total(what, clock, ended, folded):
    if clock == "itimer":  # it delivers too little or too much by itself (docs/accuracy.md)
        return
    cpu_ticks = host_cpu_ms(ended) / 10
    tap.check(f"{what}: ticks stand for the CPU time, the pauses included: {folded.total()} for "
              f"{cpu_ticks:.0f}", abs(folded.total() - cpu_ticks) < ticks_misplaced(ended) + 0.1 * cpu_ticks,
              f"{folded}\n{ended}")


def rate(clock):
    # ITIMER_PROF keeps its signals at a lower rate: only in a pause they do not come.
    late_us = 1500 if clock == "itimer" else 40000
    ended, folded, folder = run(f"{clock}: a budget far too small for the rate", "rate", late_us,
                                PODO_CLOCK=clock)
    facts = ended.facts
    tap.check(f"{clock}: the rate falls, and sampling goes on",
              facts.get("lowered") == 1 and facts["budget_pauses"] == 0, ended)
    tap.check(f"{clock}: the statistics show the rate in force",
              facts.get("hz_times_divisor") == 100, ended)
    late, true = ticks_of(folded, "late_work"), folded.total() * 2000 / host_cpu_ms(ended)
    tap.check(f"{clock}: work at the lower rate weighs what it used: {late} ticks, {true:.0f} are its "
              "share", abs(late - true) < ticks_misplaced(ended) + 0.1 * true, f"{folded}\n{ended}")
    check_total(clock, clock, ended, folded)
    missing = ticks_of(folded, "[not sampled]")
    tap.check(f"{clock}: what comes seldom is not taken for what is missing: {missing} ticks",
              missing < 15, f"{folded}\n{ended}")
    tap.check(f"{clock}: each change is said in the log, and the profiles of these windows say it",
              ended.logged("(PODO_MAX_OVERHEAD); sampling at ") and
              any("for PODO_MAX_OVERHEAD" in c for c in comments(folder)) and
              not comments(folder)[0].endswith("PODO_MAX_OVERHEAD"),
              f"{ended}\n{comments(folder)}")


def everything(clock):
    ended, folded, folder = run(f"{clock}: a budget that nothing is small enough for", "all",
                                PODO_CLOCK=clock)
    facts = ended.facts
    tap.check("sampling is paused in the end", facts.get("paused") == 1, ended)
    steps = [line.split("; ", 1)[1] for line in ended.logged("(PODO_MAX_OVERHEAD); ")]
    pause = steps.index("sampling is paused") if "sampling is paused" in steps else 0
    cut = [s for s in steps if "frames" in s]
    tap.check("the rate falls first; stacks are cut only at the lowest rate; then sampling stops",
              pause >= 2 and "frames" not in steps[0] and steps[pause - 1].startswith("sampling at 1.562 Hz")
              and cut and all("at 1.562 Hz" in s for s in cut), "\n".join(steps))
    tap.check("stacks are cut at 32 frames at the least", facts.get("least_frames") == 32, ended)
    tap.check("no tick is counted in the pause", facts.get("ticks_in_pause", 0) == 0 and
              facts["paused_ms"] > 0, ended)
    shown = sum(n for frames, n in folded.stacks if frames == [PAUSED])
    tap.check(f"its CPU time is shown as {PAUSED}: {shown} ticks of {facts.get('paused_ms')} ms",
              facts["paused_ms"] / 10 * 0.9 <= shown <= host_cpu_ms(ended) / 10 and
              any("ticks paused for PODO_MAX_OVERHEAD" in c for c in comments(folder)), f"{folded}\n{ended}")
    check_total("all of it", clock, ended, folded)
    tap.check("when the load is over all comes back, step by step",
              facts.get("recovered") == 1 and steps[-1] == "sampling at 100 Hz again, as asked for"
              and len(steps) - pause >= 5, "\n".join(steps))
    tap.check("and ticks count as before", 30 <= facts.get("ticks_after", 0) <= 75, ended)
    tap.check("the statistics count it", facts.get("budget_pauses") == 1 and
              facts["budget_lowered"] >= 3, ended)


def deep():
    """As things are: ten minutes, and what stacks of 1,024 frames cost."""
    ended, folded, _ = run("deep stacks and a budget of 6 ms in ten minutes", "deep", "1500",
                           PODO_MAX_OVERHEAD="0.001%", PODO_MAX_FRAMES="1024")
    tap.check("nothing is sampled any more", ended.facts.get("divisor") == 0 and
              ended.facts["late_ticks"] == 0, ended)
    check_total("paused from the start", "auto", ended, folded)
    # This clock sends no signals beside its ticks.
    ended, folded, _ = run("deep stacks without a budget", "deep", "1500", PODO_CLOCK="thread",
                           PODO_MAX_OVERHEAD="off", PODO_MAX_FRAMES="1024")
    facts = ended.facts
    tap.check("are sampled to the end", facts.get("divisor") == 1 and facts["late_ticks"] >= 20 and
              facts["budget_lowered"] == 0, ended)
    tap.check("the handler's own time is measured: more than 6 us a tick, of which 5 are taken for "
              "the delivery", facts.get("handler_ns", 0) > 6000 * facts.get("handler_ticks", 1e9),
              ended)


for each in ("thread", "itimer", "perf"):
    rate(each)
for each in ("auto", "itimer"):
    everything(each)
deep()
sys.exit(tap.done())
