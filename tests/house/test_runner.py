#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The runner itself: what it counts, when it fails, and that nothing outlives a test."""

import os
import re
import sys

HARNESS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness")
sys.path.insert(0, HARNESS)
import tap  # noqa: E402

SCRIPTS = {
    # name: (shell body, last line of the runner, runner's exit status)
    "passes": ("echo 'ok - a'; echo 'ok - b'", "2 passed, 0 failed", 0),
    "fails": ("echo 'ok - a'; echo 'not ok - b'", "1 passed, 1 failed", 1),
    "fails_and_says_so": ("echo 'not ok - b'; exit 1", "0 passed, 1 failed", 1),
    "dies": ("echo 'ok - a'; exit 3", "1 passed, 1 failed", 1),
    "is_killed": ("echo 'ok - a'; kill -SEGV $$", "1 passed, 1 failed", 1),
    "is_silent": ("echo 'fine, trust me'", "0 passed, 1 failed", 1),
    "skips": ("echo 'ok - a'; echo 'skip - b (missing tcpdump)'", "1 passed, 0 failed, 1 skipped", 0),
    "skips_for_nothing": ("echo 'ok - a'; echo 'skip - b'", "1 passed, 1 failed", 1),
    "hangs": ("# deadline: 1\necho 'ok - a'; sleep 100 & wait", "1 passed, 1 failed", 1),
    "hides_its_hang": ("# deadline: 1\ntrap '' TERM INT; setsid sleep 100; sleep 100",
                       "0 passed, 1 failed", 1),
}


def write(tests_dir, name, body):
    folder = os.path.join(tests_dir, name)
    os.makedirs(folder)
    path = os.path.join(folder, "test_it")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/bash\n{body}\n")
    os.chmod(path, 0o755)


def run(tests_dir, *suites):
    return tap.run([sys.executable, os.path.join(HARNESS, "run_suites.py"), "--tests-dir", tests_dir,
                    *suites], 60)


def check_what_is_shown(tests_dir):
    """Where the log is long, what failed must be found without reading all of it."""
    write(tests_dir, "shown", "echo 'ok - a'; echo 'not ok - b'; echo '  | seen'; echo 'ok - c'")
    result = tap.run([sys.executable, os.path.join(HARNESS, "run_suites.py"), "--tests-dir", tests_dir,
                      "-v", "shown"], 60)
    lines = [line.strip() for line in result.stdout.splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("FAILED"))
    tap.check_equal("the failed check and its detail stand right below FAILED",
                    lines[first + 1:first + 3], ["not ok - b", "| seen"])
    tap.check_equal("every failed check is named again at the end",
                    lines[-3:-1], ["== failed", "shown/test_it: b"])


def processes_with(word):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if word.encode() in f.read():
                    found.append(pid)
        except OSError:
            pass
    return found


def check_verdicts(tests_dir):
    for name, (body, last, status) in SCRIPTS.items():
        write(tests_dir, name, body)
        result = run(tests_dir, name)
        tap.check(f"a script that {name.replace('_', ' ')} gives '{last}' and exit status {status}",
                  result.stdout.rstrip().endswith("\n" + last) and result.returncode == status, result)
    everything = run(tests_dir, *SCRIPTS)
    passed = sum(int(re.match(r"\d+", last)[0]) for _, last, _ in SCRIPTS.values())
    failed = sum(int(re.search(r"(\d+) failed", last)[1]) for _, last, _ in SCRIPTS.values())
    tap.check("counts of all scripts are added up",
              everything.stdout.rstrip().endswith(f"\n{passed} passed, {failed} failed, 1 skipped"), everything)
    result = run(tests_dir, "nothing_here")
    tap.check("a suite without scripts fails", result.returncode == 1 and "0 passed, 1 failed" in result.stdout,
              result)


def check_nothing_outlives(tests_dir):
    mark = f"left_behind_{os.getpid()}"
    write(tests_dir, "daemon", f"echo 'ok - a'; MARK={mark} setsid sleep 100 & disown")
    result = run(tests_dir, "daemon")
    tap.check("a test that leaves a daemon behind still passes",
              result.stdout.rstrip().endswith("1 passed, 0 failed"), result)
    left = processes_with("MARK=" + mark)
    tap.check("and its daemon is gone", not left, left)


def check_command_line():
    runner = os.path.join(tap.source_dir(), "tests", "run")
    listed = tap.run([runner, "--list"])
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    tap.check("tests/run --list names the suites, and bench and soak among them",
              listed.returncode == 0 and {"unit", "house", "bench", "soak"} <= set(names), listed)
    unknown = tap.run([runner, "no_such_suite"])
    tap.check("an unknown suite is refused with the known ones",
              unknown.returncode == 2 and "no_such_suite" in unknown.stderr and "house" in unknown.stderr, unknown)
    folders = [n for n in names if os.path.isdir(os.path.join(tap.source_dir(), "tests", n))]
    tap.check("every listed suite has its folder", folders == names, sorted(set(names) - set(folders)))


def main():
    tests_dir = tap.temp_dir()
    check_verdicts(tests_dir)
    check_what_is_shown(tests_dir)
    check_nothing_outlives(tests_dir)
    check_command_line()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
