#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 3600
"""exec from real hosts: shells and Python, by all the ways they have."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage  # noqa: E402
from stage import tap  # noqa: E402

TARGET = stage.TARGET
# Both hosts first live until podo is on, then burn CPU so that ticks are on their way.
SHELL = "sleep 0.1; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; "
PYTHON = """
import os, subprocess, sys, time
target = sys.argv[1]
time.sleep(0.1)
end = time.process_time() + 0.01
while time.process_time() < end: pass
"""
SHELLS = {
    "exec": f"exec {TARGET}",
    "exec with an empty environment": f"exec env -i {TARGET}",
    "a child": f"{TARGET}; exit $?",
    "a pipeline": f"echo x | {TARGET}; exit $?",
    "a command substitution": f"x=$({TARGET}); exit $?",
    "a background job": f"{TARGET} & wait $!",
    "a subshell that execs": f"(exec {TARGET}); exit $?",
}
PYTHONS = {
    "os.execv": "os.execv(target, [target])",
    "os.execve with an empty environment": "os.execve(target, [target], {})",
    "os.execvp": "os.environ['PATH'] = '/nonexistent:' + os.path.dirname(target)\n"
                 "os.execvp(os.path.basename(target), ['t'])",
    "os.execve on a descriptor": "os.execve(os.open(target, os.O_RDONLY), [target], os.environ)",
    "a failing, then a good os.execv": "try: os.execv('/nonexistent', ['x'])\n"
                                       "except OSError: os.execv(target, [target])",
    "subprocess": "sys.exit(subprocess.call([target]))",
    "subprocess with an empty environment": "sys.exit(subprocess.call([target], env={}))",
    "subprocess searching PATH": "os.environ['PATH'] = '/nonexistent:' + os.path.dirname(target)\n"
                                 "sys.exit(subprocess.call([os.path.basename(target)]))",
    "subprocess with a preexec_fn": "sys.exit(subprocess.call([target], preexec_fn=os.getpid))",
    "os.posix_spawn": "sys.exit(os.waitstatus_to_exitcode(os.waitpid("
                      "os.posix_spawn(target, [target], os.environ), 0)[1]))",
    "os.system": "sys.exit(os.waitstatus_to_exitcode(os.system(target)))",
    "os.fork and os.execv": "pid = os.fork()\nif pid == 0: os.execv(target, [target])\n"
                            "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
    "os.execv from a thread": "import threading\n"
                              "threading.Thread(target=os.execv, args=(target, [target])).start()\n"
                              "while True: pass",
}


def main():
    runs = stage.repeats(6, 1000)
    for engine in stage.engines():
        env = engine.environment()
        for shell in ("sh", "bash"):
            for name, script in SHELLS.items():
                stage.survive(f"{engine.name}: {shell}, {name}: the new program survives",
                              ["/bin/" + shell, "-c", SHELL + script], env, runs)
        for name, script in PYTHONS.items():
            stage.survive(f"{engine.name}: Python, {name}: the new program survives",
                          ["/usr/bin/python3", "-S", "-c", PYTHON + script, TARGET], env, runs)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
