#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 600
"""Clocks that measure threads, in programs with which they share what is scarce, closed or blocked."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402

THREADS = 80


def setuid():
    """Root only: nobody else has rights to drop."""
    if os.getuid() != 0:
        return tap.skip("a server of many threads drops its rights", "root")
    ended = scenario.run(f"a server of {THREADS} threads drops its rights, with {THREADS + 20} queued signals allowed", "timers",
                         "setuid", THREADS)
    tap.check("threads that came later find what podo had taken before given back, and sampling goes on",
              ended.facts.get("timers_first", 0) >= THREADS // 4 and ended.facts.get("goes_on") == 1, ended)
    tap.check("there is a queued signal for each of them", ended.facts.get("left", 0) >= ended.facts.get("threads", 1), ended)
    tap.check_equal("no thread goes on as root", ended.facts.get("roots"), 0)


def execs():
    for clock in ("auto", "thread", "process", "itimer"):
        env = scenario.environment(PODO_CLOCK=clock)
        ended = scenario.run(f"execs that fail, one after the other, without descriptors, PODO_CLOCK={clock}", "timers", "execs",
                             env=env)
        tap.check(f"PODO_CLOCK={clock}: sampling goes on after each",
                  ended.facts.get("goes_on") == 1 and ended.facts.get("goes_on_again") == 1, ended)
        ended = scenario.run(f"two threads that try to exec at once, PODO_CLOCK={clock}", "timers", "exec-storm",
                             scenario.size(300, 5000), env=env)
        tap.check(f"PODO_CLOCK={clock}: sampling goes on after them", ended.facts.get("goes_on") == 1, ended)


def closes_all():
    for clock in ("perf", "auto"):
        ended = scenario.run(f"a program closes all descriptors, PODO_CLOCK={clock}", "timers", "closes-all",
                             env=scenario.environment(PODO_CLOCK=clock))
        tap.check(f"PODO_CLOCK={clock}: its threads are sampled all the same",
                  ended.facts.get("timers", 0) >= 1 and ended.facts.get("goes_on") == 1, ended)


def blocks():
    ended, folded = scenario.folded_run("a thread blocks SIGPROF for a while", "timers", "blocks",
                                        env=scenario.environment(PODO_CLOCK="auto"))
    blamed = folded.having("sigmask")
    tap.check(f"the call that unblocks it is not blamed for that time ({blamed:.0%})", blamed < 0.1, f"{ended}\n{folded}")
    missing = folded.having("[not sampled]")
    tap.check(f"which is shown as [not sampled] ({missing:.0%})", 0.35 < missing < 0.65, f"{ended}\n{folded}")


def main():
    setuid()
    execs()
    closes_all()
    blocks()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
