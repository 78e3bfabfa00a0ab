#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 3600
"""Children of a profiled process end well, also those forked while podo is being loaded."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage  # noqa: E402
from stage import tap  # noqa: E402

MODES = {
    "fork": "a fork child that burns CPU ends well",
    "fork-timers": "a fork child keeps the timers it made, also when it takes SIGPROF",
    "fork-exec": "fork and execve: the new program survives",
    "posix_spawn": "posix_spawn: the new program survives",
    "posix_spawnp": "posix_spawnp: the new program survives",
    "system": "system: the command survives",
    "popen": "popen: the command survives",
}


def main():
    case = stage.program("preload_fork_case")
    library = stage.program("preload_small_library.so")
    for engine in stage.engines():
        for mode, sentence in MODES.items():
            stage.survive(f"{engine.name}: {sentence}", [case, mode, stage.TARGET],
                          engine.environment(), stage.repeats(20, 1000))
        # The stand-in starts slowly, so that most forks of the storm meet the load itself.
        slow = {"PODO_TEST_SLOW_START_MS": "20"} if engine.name == "fake" else {}
        stage.survive(f"{engine.name}: children forked while podo is being loaded can load libraries",
                      lambda n: [case, f"window-{n}", library], engine.environment(**slow),
                      stage.repeats(200, 2000))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
