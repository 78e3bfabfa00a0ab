#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 900
"""One call of libc fails in podo, the n-th of its kind, for every n: never a crash, always a clear
status, nothing left behind, and the host as it is without podo. PODO_TEST_LONG=1 tries every n, which
takes the better part of an hour: by hand, not under tests/run's deadline."""

import errno
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

CASE = os.path.join(tap.build_dir(), "tests", "faults", "faults_case")
KINDS = ["memory_call", "memory_thread", "map", "open", "write", "connect", "thread", "timer", "itimer",
         "sigaction", "rename", "sync", "resolve", "load", "memory_load", "space"]
LONG = os.environ.get("PODO_TEST_LONG") == "1"
FULL, FIRST = 150, 60
SPREAD = {"memory_call": 40, "memory_thread": 60}
OK, ALREADY_STARTED, RESOURCE, TIMEOUT, NOT_STARTED = 0, 1, 6, 7, 8

# How a call of a kind fails; 0 is a write that takes one byte.
ERRORS = {"map": [errno.ENOMEM], "open": [errno.EMFILE], "write": [errno.ENOSPC, errno.EINTR, 0],
          "connect": [errno.ECONNREFUSED, errno.ETIMEDOUT], "thread": [errno.EAGAIN], "timer": [errno.EAGAIN],
          "itimer": [errno.EINVAL], "sigaction": [errno.EINVAL], "rename": [errno.ENOSPC],
          "sync": [errno.EIO], "resolve": [errno.EAGAIN]}


class Run:
    """What the program said of one n."""

    def __init__(self, head):
        words = head.split()
        self.n = int(words[1])
        self.end = words[2:]
        self.facts, self.calls, self.message, self.log, self.output = {}, [], "", [], []

    def add(self, line):
        name, _, text = line.partition(" ")
        if name == "log":
            self.log.append(text)
        elif name == "output":
            self.output.append(text)
        elif name == "report":
            text, _, self.message = text.partition(" message=")
            text, _, calls = text.partition(" calls=")
            self.calls = [int(c) for c in calls.split()]
            self.facts = {k: int(v) for k, v in (word.split("=") for word in text.split())}

    def troubles(self):
        """Whatever is not as it has to be, in words."""
        f = self.facts
        if self.end != ["hung=0", "exit=42", "signal=0"]:
            return ["ended " + " ".join(self.end)]
        found = []
        if self.output != ["the host's own output"] or f["caught"] != 7:
            found.append("the host's output or work changed")
        # Stop() that finds no memory at all says so and changes nothing; the one behind it stops.
        stopped = f["stop"] != RESOURCE or f["again"] != ALREADY_STARTED
        if f["start"] != OK:
            if not self.message or f["start"] == ALREADY_STARTED:
                found.append("Start() does not say what failed")
            found += [f"a failed Start() leaves {what}" for what, left in (
                ("the signal taken", not f["signal_free"]), ("a timer", not f["timer_free"]),
                ("threads", f["threads"] != 1), ("descriptors", f["leaked"])) if left]
        elif f["flush"] not in (OK, RESOURCE) or f["stop"] not in (OK, RESOURCE):
            found.append("Flush() or Stop() did not come to an end")
        found += [f"after Stop() there are {what}" for what, left in (
            ("threads", f["threads_after"] != 1), ("descriptors", f["leaked_after"]),
            ("a timer", not f["timer_after"]), ("temporary files", f["files"])) if left and stopped]
        if (f["again"], f["flush2"], f["stop2"]) != (OK if stopped else ALREADY_STARTED, OK, OK):
            found.append("a second run does not work")
        if not f["adds_up"] or not f["adds_up2"]:
            found.append("ticks are not taken + dropped")
        if f["lost"] and sum("podo: " in line and "profiling unknown" not in line and " | " not in line
                             and "cpu_ms" not in line for line in self.log) == 0:
            found.append("a loss without a line of log")
        if f["start"] == OK and f["lost"] == 0 and f["flush"] == RESOURCE and f["again"] == OK \
                and any("profiling is off" in line for line in self.log):
            found.append("a window was lost and not counted")
        return found

    def __str__(self):
        return f"n={self.n} {self.end} {self.facts} {self.message}\n" + "\n".join(self.log)


def run(settings, kind, how, numbers, more=0):
    """The runs of one process, which forks for each n."""
    folder = tap.temp_dir()
    env = tap.clean_environment(PODO_SYMBOLIZE="none", PODO_SAMPLE_HZ="250", PODO_LOG="info",
                                PODO_EXIT_TIMEOUT="5s",
                                **{k: v.replace("DIR", folder) for k, v in settings.items()})
    with open(os.path.join(tap.temp_dir(), "log"), "w+b") as log:
        result = tap.run([CASE, str(KINDS.index(kind)), str(how), str(more), folder, *map(str, numbers)],
                         deadline=7200 if LONG else 600, env=env, stderr=log)
    runs = []
    for line in result.stdout.splitlines():
        if line.startswith("run "):
            runs.append(Run(line))
        elif runs:
            runs[-1].add(line)
    return runs


# glibc 2.36 does not survive every failed allocation inside dlopen(), nor do the static initialisers of
# a library that is being loaded: docs/faults.md. Counted, not injected.
NOT_INJECTED = ["memory_load"]


def numbers_up_to(total, kind):
    """All of them, or the first and a spread; a few more, since the count varies."""
    total += 2
    if LONG or total <= FULL:
        return list(range(1, total + 1))
    spread = SPREAD.get(kind, 20)
    return list(range(1, FIRST + 1)) + [FIRST + (total - FIRST) * i // spread for i in range(1, spread + 1)]


SPACE_MIB = range(0, 160, 1 if LONG else 4)


def check_space(name, settings):
    """Start() to Stop() with so little address space: RLIMIT_AS."""
    runs = run(settings, "space", errno.ENOMEM, SPACE_MIB)
    bad = [r for r in runs if r.troubles()]
    refused = sum(r.facts.get("start") != OK for r in runs)
    tap.check(f"{name}: with 0 to {SPACE_MIB[-1]} MiB of address space left, neither the host nor podo fails",
              len(runs) == len(SPACE_MIB) and 0 < refused < len(runs) and not bad,
              f"{len(runs)} runs, {refused} refused\n" + "\n".join(f"{r.troubles()} {r}" for r in bad[:5]))
    return len(runs)


def check_kind(name, settings, kind, how, total, more=0):
    numbers = numbers_up_to(total, kind)
    runs = run(settings, kind, how, numbers, more)
    bad = [r for r in runs if r.troubles()]
    hit = sum(r.facts.get("failed", 1) > 0 for r in runs)
    manner = "" if kind.startswith("memory") or kind == "load" else (
        ", cut short" if how == 0 else f", {errno.errorcode[how]}")
    tap.check(f"{name}: any one of {total} calls of {kind} fails{manner}, and neither the host nor podo does",
              len(runs) == len(numbers) and hit and not bad,
              f"{len(runs)} of {len(numbers)} runs, {hit} with a failure\n" +
              "\n".join(f"{r.troubles()} {r}" for r in bad[:5]))
    return len(runs)


CONFIGURATIONS = {
    "files": {"PODO_EXPORT": "file://DIR/run.folded,file://DIR/"},
    "collector": {"PODO_EXPORT": "otlp+http://localhost:1", "PODO_SPOOL_DIR": "DIR/spool"},
    "history": {"PODO_EXPORT": "file://DIR/", "PODO_LISTEN": "unix:DIR/socket",
                "PODO_HISTORY_DIR": "DIR/history"},
}


def main():
    injected = 0
    for name, settings in CONFIGURATIONS.items():
        plain = run(settings, "map", errno.ENOMEM, [0])
        tap.check(f"{name}: without a failure all is well", len(plain) == 1 and not plain[0].troubles()
                  and plain[0].facts["written" if name != "collector" else "errors"] > 0, "\n".join(map(str, plain)))
        for kind, total in zip(KINDS, plain[0].calls if plain else []):
            if kind == "space":
                injected += check_space(name, settings)
                continue
            if kind in NOT_INJECTED:
                print(f"# {name}: {total} calls of {kind} are left alone")
                continue
            for how in ERRORS.get(kind, [errno.ENOMEM]) if total else []:
                injected += check_kind(name, settings, kind, how, total)
    print(f"# {injected} failures injected")


main()
sys.exit(tap.done())
