#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 400
"""Inside the handler: no call of libc, no system call, from the first sample on."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402

KERNEL = "Linux 5.11 with syscall user dispatch"
# The timer must not tick by itself before the scenario wants it.
SLOW = {"PODO_SAMPLE_HZ": "1"}


def pure(name, scene, amount, least):
    """Runs a scenario; the sentence is about what happened inside the handler in it."""
    ended = scenario.run(f"{name}: the program ends", "purity", scene, amount, deadline=120,
                         env=scenario.environment(**SLOW))
    if ended.facts.get("no_dispatch"):
        tap.skip(f"{name}: no system call in the handler", KERNEL)
        return ended
    facts = ended.facts
    tap.check(f"{name}: no call of libc and no system call inside the handler "
              f"({facts.get('taken')} samples)",
              facts.get("taken", 0) >= least and facts["calls"] == 0 and facts["traps"] == 0, ended)
    return ended


def main():
    ended = scenario.run("the watch over the handler works", "purity", "self-test", totals=False,
                         env=scenario.environment(**SLOW))
    if not ended.facts.get("no_dispatch"):
        tap.check("a call and a system call inside the handler are seen",
                  ended.facts.get("calls", 0) >= 2 and ended.facts["traps"] == 1, ended)
    ended = pure("first samples", "first", 200, 401)
    tap.check("the first sample of the process was watched",
              ended.facts.get("no_dispatch") or ended.facts.get("handled_before") == 0
              and ended.facts["taken_first"] == 1, ended)
    ended = pure("before the tables are built", "before-tables", 100, 100)
    tap.check("stacks were copied for libunwind", ended.facts.get("no_dispatch")
              or ended.facts.get("residue", 0) > 10, ended)
    pure("mixed work in three threads", "busy", int(scenario.size(5000, 100000)),
         int(scenario.size(5000, 100000)))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
