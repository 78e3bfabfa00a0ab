#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 1800
"""The host's own use of SIGPROF and ITIMER_PROF wins, and it never sees podo's."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage  # noqa: E402
from stage import tap  # noqa: E402

CASES = {
    "reset-sigaction": "a program that sets SIG_DFL on all signals by sigaction ends normally",
    "reset-signal": "a program that sets SIG_DFL on all signals by signal ends normally",
    "sigaction": "sigaction takes SIGPROF and reports SIG_DFL as what was there",
    "signal": "signal takes SIGPROF",
    "bsd_signal": "bsd_signal takes SIGPROF",
    "ssignal": "ssignal takes SIGPROF",
    "sysv_signal": "sysv_signal takes SIGPROF",
    "__sysv_signal": "__sysv_signal takes SIGPROF",
    "sigset": "sigset takes SIGPROF and keeps its effect on the mask",
    "sigignore": "sigignore takes SIGPROF",
    "siginterrupt": "siginterrupt takes SIGPROF",
    "queries": "queries see SIG_DFL and no timer, and change nothing",
    "own-profiler": "a host with handler and timer of its own gets its ticks and no others",
    "pending": "a pending tick does not reach a host that takes SIGPROF",
    "threads": "four threads that take SIGPROF at once all get what they set",
    "wait-all": "sigwait, sigwaitinfo and sigtimedwait on all signals get no tick of podo",
    "wait-sent": "sigwaitinfo gets a SIGPROF that was sent",
    "signalfd-all": "a signalfd for all signals gets no tick of podo",
    "signalfd-own": "a signalfd for SIGPROF takes it",
    "child-fork": "a fork child that resets all signals leaves its parent profiled",
    "child-raw-fork": "a child of a raw fork that resets all signals leaves its parent profiled",
    "child-vfork": "a vfork child that resets all signals leaves its parent profiled",
}


def ignored_stays_ignored(engine):
    """Inherited SIG_IGN is what the host sees and what its own children inherit."""
    code = ("import os, signal, sys, time\ntime.sleep(0.1)\n"
            "seen = signal.getsignal(signal.SIGPROF) == signal.SIG_IGN\n"
            "os.execv('/bin/sh', ['sh', '-c', 'grep SigIgn /proc/$$/status; exit %d' % seen])")
    result = tap.run(["/usr/bin/python3", "-S", "-c", code], env=engine.environment(), deadline=30,
                     preexec_fn=lambda: signal.signal(signal.SIGPROF, signal.SIG_IGN))
    tap.check(f"{engine.name}: a host that inherits SIG_IGN for SIGPROF sees it", result.returncode == 1,
              result)
    mask = int(result.stdout.split()[1], 16) if result.stdout else 0
    tap.check(f"{engine.name}: a program it execs inherits SIG_IGN for SIGPROF",
              mask >> (signal.SIGPROF - 1) & 1 == 1, result)


def main():
    case = stage.program("preload_signal_case")
    for engine in stage.engines():
        for name, sentence in CASES.items():
            stage.survive(f"{engine.name}: {sentence}", [case, name], engine.environment(),
                          stage.repeats(6, 200))
        stage.survive(f"{engine.name}: a host's timer without a handler ends it, as without podo",
                      [case, "own-timer"], engine.environment(), stage.repeats(3, 50),
                      expected=-signal.SIGPROF)
        ignored_stays_ignored(engine)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
