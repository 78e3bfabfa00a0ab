#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 7200
"""Programs that exec while podo's timer is armed: the new program must not know."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage  # noqa: E402
from stage import tap  # noqa: E402

FUNCTIONS = ("execve", "execv", "execvp", "execvpe", "execl", "execle", "execlp", "fexecve",
             "execveat")
WITH_ENVIRONMENT = ("execve", "execvpe", "execle", "fexecve", "execveat")
MODES = {
    "single": "from the only busy thread",
    "burner": "beside a busy thread",
    "third": "from a third thread while a busy one blocks SIGPROF",
    "pending": "with a tick pending in a thread that blocks SIGPROF",
    "vfork": "from a vfork child after two failing attempts",
    "empty": "with an empty environment",
}


def case(function, mode):
    return [stage.program("preload_exec_case"), function, mode, stage.TARGET]


def matrix(engine):
    for mode, words in MODES.items():
        for function in WITH_ENVIRONMENT if mode == "empty" else FUNCTIONS:
            stage.survive(f"{engine.name}: {function} {words}: the new program survives",
                          case(function, mode), engine.environment(), stage.repeats(12, 1000))


def at_bad_moments(engine):
    for mode, function, words in (("rival", "execve", "beside a thread whose execs fail all the time"),
                                  ("early", "execvp", "while podo is being loaded")):
        stage.survive(f"{engine.name}: {function} {words}: the new program survives",
                      case(function, mode), engine.environment(), stage.repeats(100, 1000))


def failing(engine):
    runs = stage.repeats(2, 20)
    for function in FUNCTIONS:
        stage.survive(f"{engine.name}: 2,000 failing {function} do not stop sampling",
                      case(function, "failing-2000"), engine.environment(), runs)
    environment, folder = engine.reporting()
    tap.run(case("execvp", "failing-2000"), env=environment, deadline=30)
    ticks = sum(engine.ticks(folder).values())
    # 200 ms of CPU afterwards are 50 ticks at 250 Hz, a tenth of that on a crowded machine. The
    # attempts bring none, since each puts the next tick off by a whole period.
    tap.check(f"{engine.name}: ticks come in after 2,000 failing execs", ticks > 0, f"{ticks} ticks")


def afresh(engine):
    environment, folder = engine.reporting(EXPECT_FRESH="1")
    stage.survive(f"{engine.name}: a program that inherits the preload library is profiled afresh",
                  case("execve", "burner"), environment, stage.repeats(3, 50))
    names = engine.ticks(folder)
    own = [name for name in names if "exec_target" in name and names[name] > 0]
    other = [name for name in names if "exec_case" in name]
    tap.check(f"{engine.name}: it is profiled under its own name", own and not other, names)


def control():
    """The documented hole, which also shows that this suite can fail."""
    engine = stage.Engine("fake", stage.program("libfake_podo.so"))
    results = [tap.run(case("raw", "burner"), env=engine.environment(), deadline=30)
               for _ in range(10)]
    bad = [r for r in results if r.returncode in (4, -27)]
    tap.check("control: a raw system call execve hands the armed timer to the new program",
              len(bad) == 10, [str(r) for r in results])


def main():
    control()
    for engine in stage.engines():
        matrix(engine)
        at_bad_moments(engine)
        failing(engine)
        afresh(engine)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
