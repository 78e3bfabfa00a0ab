#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 900
"""Starting and stopping: a thousand times, where it must refuse, and from all sides at once."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402

OK, ALREADY, SIGNAL_TAKEN, SECOND_COPY, TIMEOUT, NOT_STARTED, INVALID = 0, 1, 3, 4, 7, 8, 9


def says(ended, name):
    return " ".join(next((row[1:] for row in ended.rows("says") if row[0] == name + ":"), []))


def cycles():
    count = int(scenario.size(250, 1000))
    ended = scenario.run(f"podo starts and stops {count} times with ticks pending", "restart",
                         "cycles", count, deadline=400)
    facts = ended.facts
    tap.check("every Start and Stop succeeds", facts.get("bad") == 0, ended)
    tap.check("every run was sampled, and a tick was pending at each Stop",
              facts.get("pending") == count and facts["unhit"] == 0, ended)
    grown = facts.get("rss_kb_late", 9e9) - facts.get("rss_kb_early", 0)
    tap.check(f"memory stays flat: {grown} KiB more after the last three quarters",
              grown < 1500 and facts["maps_late"] <= facts["maps_early"] + 8, ended)
    tap.check("podo's threads are gone (main and the storm are left)", facts.get("threads") == 2, ended)


def foreign():
    ended = scenario.run("a host that uses SIGPROF itself is left alone", "restart", "foreign")
    facts = ended.facts
    tap.check("a handler of the host: refused, nothing changed", facts.get("with_handler") == SIGNAL_TAKEN
              and facts["handler_kept"] == 1, ended)
    tap.check("the refusal names the file of that handler",
              "capture_restart" in says(ended, "with_handler"), ended)
    tap.check("a timer of the host: refused, nothing changed", facts.get("with_timer") == SIGNAL_TAKEN
              and facts["timer_kept"] == 1 and facts["threads_refused"] == 1, ended)
    tap.check("SIGPROF ignored and no timer: podo starts", facts.get("with_ignored") == OK, ended)


def second_copy():
    library = os.path.realpath(os.path.join(tap.build_dir(), "lib", "libpodo.so"))
    env = scenario.environment(PODO_TEST_LIBRARY=library)
    for order, owner in ((0, "capture_restart"), (1, "libpodo.so")):
        ended = scenario.run(f"two copies of podo in one process, {owner} first", "restart",
                             "second-copy", order, env=env)
        facts = ended.facts
        tap.check("the first one starts, the second one says that it is the second",
                  facts.get("first") == OK and facts["second"] == SECOND_COPY, ended)
        tap.check(f"it says where the first one is: {owner}", owner in says(ended, "second"), ended)


def api():
    path = os.path.join(tap.temp_dir(), "run.folded")
    ended = scenario.run("every call of the API answers, in every state", "restart", "api",
                         env=scenario.environment(PODO_EXPORT="file://" + path))
    f = ended.facts
    for sentence, good in (
            ("before Start, Flush and Stop say not started, GetStats counts nothing",
             (f.get("flush_before"), f.get("stop_before"), f.get("ticks_before")) ==
             (NOT_STARTED, NOT_STARTED, 0)),
            ("a wrong option is named once with what is accepted, and left out",
             f.get("start_wrong") == OK and len(ended.logged("sometimes")) == 1
             and "functions" in ended.logged("sometimes")[0]),
            ("options of no size are refused", f.get("start_sizeless") == INVALID),
            ("a second Start says already started", f.get("start_again") == ALREADY),
            ("Flush closes a window and waits until it is written",
             f.get("flush") == OK and f["windows_after_flush"] >= 1 and f["written_after_flush"] >= 1),
            ("Flush without time returns at once (took %s ms)" % f.get("flush_at_once_ms"),
             f.get("flush_at_once") in (OK, TIMEOUT) and f["flush_at_once_ms"] < 1000),
            ("GetStats fills in no more than the caller's size",
             f.get("part_size") == 16 and f["part_kept"] == 1),
            ("Stop ends the run, a second one says not started",
             (f.get("stop"), f.get("stop_again")) == (OK, NOT_STARTED)),
            ("figures stay readable after Stop", f.get("ticks_after", 0) > 0),
            ("Start after Stop begins anew", f.get("start_after") == OK and f["ticks_new"] <= 1),
            ("Stop without time returns at once (took %s ms)" % f.get("stop_at_once_ms"),
             f.get("stop_at_once") == 1 and f["stop_at_once_ms"] < 1000)):
        tap.check(sentence, good, ended)


def main():
    cycles()
    foreign()
    second_copy()
    api()
    ended = scenario.run("every call from eight threads at once", "restart", "api-storm",
                         scenario.size(3, 30), deadline=90)
    tap.check("each gets an answer that fits, and podo ran all the while",
              ended.facts.get("odd") == 0 and ended.facts["runs"] > 3, ended)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
