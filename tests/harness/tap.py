# SPDX-License-Identifier: Apache-2.0
"""What a test script needs: one-sentence checks, child processes that cannot outlive it, ports.

Use:  sys.path.insert(0, os.path.join(os.environ["PODO_SOURCE"], "tests", "harness")); import tap
A script prints `ok - S`, `not ok - S` or `skip - S (missing TOOL)` lines and ends with
`sys.exit(tap.done())`. A comment `# deadline: 120` sets its limit in seconds (300 if absent).
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

_counts = {"ok": 0, "not ok": 0, "skip": 0}
_running = []


def source_dir():
    """The checkout: PODO_SOURCE, else found from this file, so that a script also runs by hand."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("PODO_SOURCE", os.path.dirname(os.path.dirname(here)))


def build_dir():
    return os.environ.get("PODO_BUILD", os.path.join(source_dir(), "build"))


def check(sentence, condition, detail=""):
    """Prints the verdict on one sentence; `detail` (shown on failure) says what was seen instead."""
    verdict = "ok" if condition else "not ok"
    _counts[verdict] += 1
    print(f"{verdict} - {sentence}", flush=True)
    if not condition and detail:
        for line in str(detail).splitlines():
            print(f"  | {line}")
        sys.stdout.flush()
    return bool(condition)


def check_equal(sentence, actual, expected):
    return check(sentence, actual == expected, f"got      {actual!r}\nexpected {expected!r}")


def skip(sentence, tool):
    """For a named tool that is not there and cannot be installed; nothing else is a skip."""
    _counts["skip"] += 1
    print(f"skip - {sentence} (missing {tool})", flush=True)


def done():
    """The script's exit code. A script that checked nothing has failed."""
    return 0 if _counts["not ok"] == 0 and sum(_counts.values()) > 0 else 1


class Result:
    """How a child ended. `returncode` is negative for a signal; None never."""

    def __init__(self, returncode, stdout, stderr, seconds, timed_out):
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr
        self.seconds, self.timed_out = seconds, timed_out

    def __str__(self):
        end = "deadline passed" if self.timed_out else f"exit {self.returncode}"
        return f"{end} after {self.seconds:.1f} s\n{_text(self.stdout)}{_text(self.stderr)}"


def _text(stream):
    return stream if isinstance(stream, str) else (stream or b"").decode("utf-8", "replace")


def clean_environment(**changes):
    """The environment without variables that podo or the loader read; None removes a name.

    PODO_TEST_CLOCK=auto tests/run SUITE runs a suite under another clock than the default."""
    read = ("PODO_", "OTEL_", "LD_", "DEBUGINFOD_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(read)}
    if "PODO_TEST_CLOCK" in os.environ:
        env["PODO_CLOCK"] = os.environ["PODO_TEST_CLOCK"]
    for name, value in changes.items():
        env.pop(name, None)
        if value is not None:
            env[name] = str(value)
    return env


def start(argv, **popen_options):
    """Starts a child in a process group of its own, killed with this script at the latest."""
    child = subprocess.Popen(argv, start_new_session=True, **popen_options)
    _running.append(child)
    return child


def kill(child):
    """Kills a child of start() with all of its group, and reaps it."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
    if child in _running:
        _running.remove(child)


def run(argv, deadline=60, stdin=None, text=True, **popen_options):
    """Runs a child to its end, or kills its group at the deadline (seconds). Returns a Result."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": text}
    if text:
        options["errors"] = "replace"
    if stdin is not None:
        options["stdin"] = subprocess.PIPE
    options.update(popen_options)
    began = time.monotonic()
    child = start(argv, **options)
    try:
        out, err = child.communicate(stdin, timeout=deadline)
        timed_out = False
    except subprocess.TimeoutExpired:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        out, err = child.communicate()
        timed_out = True
    kill(child)
    return Result(child.returncode, out, err, time.monotonic() - began, timed_out)


def wait_until(predicate, deadline=10, step=0.02):
    """Polls until predicate() is true; returns its last value, so that a check can print it."""
    end = time.monotonic() + deadline
    value = predicate()
    while not value and time.monotonic() < end:
        time.sleep(step)
        value = predicate()
    return value


def free_port():
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def temp_dir(prefix="podo-test-"):
    """A fresh directory, removed when the script ends."""
    path = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _end_all():
    for child in list(_running):
        kill(child)


atexit.register(_end_all)
