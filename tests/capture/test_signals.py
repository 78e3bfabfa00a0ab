#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 300
"""The host's own use of signals beside podo, as a linked library."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402


def sigwait():
    ended = scenario.run("a host that takes SIGTERM, SIGHUP and SIGCHLD by sigwait goes on", "signals",
                         "sigwait", 1000)
    tap.check_equal("it receives 1,000 of 1,000 sent one at a time", ended.facts.get("received"), 1000)


def blocking(clock, shown_as):
    """Under clock, its time is one of shown_as: what no clock could ask of it is never lost."""
    ended, folded = scenario.folded_run(
        f"a busy thread that blocks all signals, main in epoll_wait, PODO_CLOCK={clock}", "signals",
        "blocking", 3000, interval="1s", env=scenario.environment(PODO_CLOCK=clock))
    share = folded.share(lambda fs: any(f in shown_as for f in fs))
    tap.check(f"its time appears as {' or '.join(shown_as)} ({share:.1%})", share >= 0.95,
              f"{ended}\n{folded}")
    blamed = folded.share(lambda fs: any("epoll_wait" in f or "main_waits" in f for f in fs))
    tap.check(f"neither epoll_wait nor main is blamed ({blamed:.1%})", blamed < 0.03,
              f"{ended}\n{folded}")
    named = ended.logged("blocks SIGPROF")
    tap.check("the thread is named in one log line, which says how its time is shown",
              len(named) == 1 and "blocks-all" in named[0] and shown_as[0] in named[0], ended)


def takes_later():
    ended = scenario.run("a host takes SIGPROF and ITIMER_PROF after Start", "signals", "takes-later")
    facts = ended.facts
    tap.check(f"podo is off soon after ({facts.get('off_after_ms')} ms)",
              facts.get("off_after_ms", 9999) < 2500, ended)
    tap.check(f"the host's handler gets its ticks ({facts.get('host_ticks')} of some 50)",
              30 <= facts.get("host_ticks", 0) <= 80, ended)
    tap.check("handler and timer are as the host set them", facts.get("kept") == 1, ended)
    tap.check_equal("podo says so once", len(ended.logged("was taken by the program")), 1)
    ended = scenario.run("a host takes only SIGPROF after Start", "signals", "takes-signal")
    tap.check("podo's timer is off, the host's handler gets no tick of it",
              ended.facts.get("timer_off") == 1 and ended.facts["host_ticks"] == 0, ended)


def clamped():
    ended = scenario.run("a rate above the kernel's tick", "signals", "burn", 300,
                         env=scenario.environment(PODO_SAMPLE_HZ="4000"))
    lines = ended.logged("PODO_SAMPLE_HZ=4000")
    hz = ended.facts.get("hz", 0)
    tap.check(f"it is clamped to the tick ({hz} Hz), with one line that says so",
              len(lines) == 1 and str(hz) in lines[0] and 100 <= hz <= 1000, ended)


def main():
    sigwait()
    blocking("itimer", ["[threads blocking SIGPROF]"])
    # Its own timer's ticks wait for it; what the process' timer took before it was found, does not.
    blocking("auto", ["[not sampled]", "[threads blocking SIGPROF]"])
    takes_later()
    clamped()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
