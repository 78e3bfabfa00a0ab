#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 300
"""Fork, closed descriptors, and every way out of a process."""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402


def fork():
    folder = tap.temp_dir()
    ended = scenario.run("a profiled process forks twelve times", "process", "fork",
                         env=scenario.environment(PODO_EXPORT=f"file://{folder}/"))
    tap.check("each child is unprofiled, without podo's descriptors and timer, and may use the API",
              ended.facts.get("good") == 12, ended)
    tap.check_equal("no child waits at its exit", ended.facts.get("slow"), 0)
    tap.check("the parent says once that children are not profiled",
              len(ended.logged("children are not profiled")) == 1, ended)
    tap.check("the children are silent",
              len(ended.log) == 4 and len(ended.totals) == 1, ended)
    pids = {name.split("-")[-3] for name in os.listdir(folder)}
    tap.check("all files are the parent's", len(pids) == 1, os.listdir(folder))


def closes_all():
    folder = tap.temp_dir()
    ended = scenario.run("a program closes all descriptors and uses their numbers again", "process",
                         "closes-all", totals=False,
                         env=scenario.environment(PODO_EXPORT=f"file://{folder}/",
                                                  PODO_INTERVAL="200ms"))
    facts = ended.facts
    tap.check("not a byte of podo reaches the program's sockets, none is closed",
              facts.get("touched") == 0, ended)
    tap.check("podo goes on: samples and files", facts.get("flushed") == 1 and facts["taken"] > 50
              and len(os.listdir(folder)) >= 2 and facts["adds_up"] == 1, ended)


def ways_out():
    for scene, way in (("brief", "returning from main"), ("brief-exit", "exit"),
                       ("brief-quick-exit", "quick_exit")):
        ended, folded = scenario.folded_run(f"a program of 150 ms that ends by {way}", "process", scene,
                                            150)
        tap.check(f"{way}: its file is written, with its function in it",
                  folded.having("BurnMs") > 0.5, f"{ended}\n{folded}")
    ended, folded = scenario.folded_run("a program whose main thread leaves by pthread_exit ends",
                                        "process", "main-leaves", 300, deadline=15)
    tap.check("pthread_exit in main: the file is written", folded.having("BurnMs") > 0.5,
              f"{ended}\n{folded}")
    ended, folded = scenario.folded_run("the same with PODO_FLUSH_ON_SIGTERM ends", "process",
                                        "main-leaves", 300, deadline=15,
                                        env={"PODO_FLUSH_ON_SIGTERM": "true"})
    tap.check("pthread_exit in main and PODO_FLUSH_ON_SIGTERM: the file is written",
              folded.having("BurnMs") > 0.5, f"{ended}\n{folded}")


def killed(how, **settings):
    """The exit status and the profile of a program that is sent SIGTERM."""
    path = os.path.join(tap.temp_dir(), "run.folded")
    env = scenario.environment(PODO_EXPORT="file://" + path, PODO_SYMBOLIZE="full", **settings)
    child = tap.start([scenario.program("process"), "waits", "300"], env=env, stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True)
    child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    try:
        log = child.communicate(timeout=10)[1]
    except subprocess.TimeoutExpired:
        log = "still running after 10 s"
    tap.kill(child)
    tap.check(f"{how}: SIGTERM ends the program by signal 15", child.returncode == -signal.SIGTERM, log)
    return log, scenario.Folded(path)


def sigterm():
    _, folded = killed("by default")
    tap.check("by default: the open window is lost, no more", folded.total() == 0, folded)
    log, folded = killed("with PODO_FLUSH_ON_SIGTERM", PODO_FLUSH_ON_SIGTERM="true")
    tap.check("with PODO_FLUSH_ON_SIGTERM: the window is flushed",
              folded.having("BurnMs") > 0.5, f"{log}\n{folded}")
    totals = [scenario.adds_up(dict((k, int(v)) for k, v in
                                    scenario.re.findall(r"(\w+)=(\d+)", line)))
              for line in scenario.TOTALS.findall(log)]
    tap.check("with PODO_FLUSH_ON_SIGTERM: every tick is accounted for", totals == [True], log)


def main():
    fork()
    closes_all()
    ways_out()
    sigterm()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
