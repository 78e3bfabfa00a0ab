# SPDX-License-Identifier: Apache-2.0
"""Runs the scripts tests/SUITE/test_*, each under a deadline, and counts what they print.

A script that exits nonzero without a `not ok` line counts as one failure, and so does one that
prints no verdict at all, one whose `skip` names no missing tool, and a suite without scripts.
"""

import argparse
import collections
import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

DEFAULT_DEADLINE_S = 300
VERDICT = re.compile(r"^(ok|not ok|skip) - (.+)$")
NAMED_SKIP = re.compile(r"\([^()]+\)$")
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

Outcome = collections.namedtuple("Outcome", "passed failed skipped output seconds")


def adopt_orphans():
    """Daemons of a test that outlive it become children of this process and can be ended here."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                    parent = int(f.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            if parent == pid:
                found.append(int(entry))
    return found


def end_children():
    """Kills whatever a script left behind; killing a parent hands over its children, so repeat."""
    for _ in range(50):
        left = children_of(os.getpid())
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass


def deadline_of(script):
    with open(script, encoding="utf-8", errors="replace") as f:
        head = f.read(4096)
    found = re.search(r"^# deadline: (\d+)\s*$", head, re.MULTILINE)
    return int(found.group(1)) if found else DEFAULT_DEADLINE_S


def judge(output, returncode, timed_out, deadline):
    """Counts the verdicts in `output`; returns (passed, failed, skipped, complaints)."""
    counts = collections.Counter()
    complaints = []
    for line in output.splitlines():
        verdict = VERDICT.match(line)
        if not verdict:
            continue
        if verdict[1] == "skip" and not NAMED_SKIP.search(verdict[2].rstrip()):
            complaints.append(f"a skip names no missing tool: {line}")
        else:
            counts[verdict[1]] += 1
    if timed_out:
        complaints.append(f"killed at its deadline of {deadline} s")
    elif returncode != 0 and counts["not ok"] == 0:
        complaints.append(f"exit status {returncode} without a `not ok` line")
    elif not counts and not complaints:
        complaints.append("printed no verdict")
    return counts["ok"], counts["not ok"] + len(complaints), counts["skip"], complaints


def run_script(script, env, verbose):
    deadline = deadline_of(script)
    command = [sys.executable, script] if script.endswith(".py") else [script]
    if sys.stdout.isatty():
        print(f"...    {os.path.join(*script.split(os.sep)[-2:])}", end="\r", flush=True)
    began = time.monotonic()
    # A file, not a pipe: a daemon that outlives its script and holds a pipe would look like a hang.
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        try:
            child.wait(deadline)
            timed_out = False
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        end_children()
        log.seek(0)
        output = log.read().decode("utf-8", "replace")
    passed, failed, skipped, complaints = judge(output, child.returncode, timed_out, deadline)
    output += "".join(f"not ok - {os.path.basename(script)}: {c}\n" for c in complaints)
    outcome = Outcome(passed, failed, skipped, output, time.monotonic() - began)
    show(script, outcome, verbose)
    return outcome


def tally(passed, failed, skipped):
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def failed_checks(output):
    """The `not ok` lines of `output`, each with the first lines of its detail."""
    found = []
    detail_left = 0
    for line in output.splitlines():
        if line.startswith("not ok - "):
            found.append(line)
            detail_left = 12
        elif line.startswith("  | ") and detail_left:
            found.append(line[:1000])
            detail_left -= 1
        else:
            detail_left = 0
    return found


def show(script, outcome, verbose):
    suite, name = script.split(os.sep)[-2:]
    word = "FAILED" if outcome.failed else "ok"
    counts = tally(outcome.passed, outcome.failed, outcome.skipped)
    print(f"{word:6} {suite + '/' + name:42} {counts}  ({outcome.seconds:.1f} s)")
    failures = failed_checks(outcome.output)
    if failures and verbose:  # first what one looks for: a log may keep only so much around FAILED
        print("".join(f"    {line}\n" for line in failures) + "    -- all of its output:")
    for line in outcome.output.splitlines():
        if outcome.failed or verbose or line.startswith(("skip - ", "|")):  # a table
            print(f"    {line}")
    sys.stdout.flush()


def scripts_of(tests_dir, wanted):
    """`wanted` is SUITE or SUITE/SCRIPT (with or without its ending)."""
    suite, _, only = wanted.partition("/")
    folder = os.path.join(tests_dir, suite)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [os.path.join(folder, n) for n in names
            if n.startswith("test_") and os.path.isfile(os.path.join(folder, n))
            and os.access(os.path.join(folder, n), os.X_OK)
            and only in ("", n, os.path.splitext(n)[0])]


def test_environment(source, build):
    read = ("PODO_", "OTEL_", "LD_", "DEBUGINFOD_")
    kept = ("PODO_TEST_",)
    env = {k: v for k, v in os.environ.items() if k.startswith(kept) or not k.startswith(read)}
    env.update(PODO_SOURCE=source, PODO_BUILD=build, LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1")
    return env


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--tests-dir", default=os.path.dirname(here))
    parser.add_argument("--build", default=os.path.join(os.path.dirname(os.path.dirname(here)), "build"))
    parser.add_argument("suites", nargs="+")
    args = parser.parse_args()
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` ends the children
    env = test_environment(os.path.dirname(os.path.dirname(here)), os.path.abspath(args.build))
    outcomes = []
    failed = []
    try:
        for suite in args.suites:
            print(f"== {suite}", flush=True)
            scripts = scripts_of(args.tests_dir, suite)
            if not scripts:
                print(f"FAILED {suite}: no executable script tests/{suite}/test_*")
                outcomes.append(Outcome(0, 1, 0, "", 0))
            for script in scripts:
                outcomes.append(run_script(script, env, args.verbose))
                failed += [f"{suite}/{os.path.basename(script)}: {line[len('not ok - '):]}"
                           for line in outcomes[-1].output.splitlines() if line.startswith("not ok - ")]
    finally:
        end_children()
    total = [sum(column) for column in zip(*[o[:3] for o in outcomes])]
    if failed:
        print("== failed\n" + "\n".join(failed))
    print(tally(*total))
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
