# SPDX-License-Identifier: Apache-2.0
"""Runs the hosts of this suite and reads back what they and podo said."""

import os
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
import tap  # noqa: E402

BUILD = tap.build_dir()
PRELOAD = os.path.join(BUILD, "lib", "libpodo_preload.so")
PROFILER = "/usr/lib/x86_64-linux-gnu/libprofiler.so.0"  # gperftools'
SURVIVED = 42  # of host_case
RT = "RTMIN+5"
RT_NUMBER = 39  # glibc keeps the first two real-time signals for itself


def program(name):
    return os.path.join(BUILD, "tests", "coexist", "coexist_" + name)


def environment(**changes):
    return tap.clean_environment(**{"PODO_LOG": "info", "PODO_SAMPLE_HZ": "250", "PODO_SYMBOLIZE": "none",
                                    **changes})


class Ended:
    """One run: `facts` (name=value lines, of equal names the last), `all` (every value), the log."""

    def __init__(self, result):
        self.result = result
        found = re.findall(r"^(\w+)=(\d+)$", result.stdout, re.MULTILINE)
        self.facts = {k: int(v) for k, v in found}
        self.all = {k: [int(v) for n, v in found if n == k] for k in self.facts}
        self.messages = re.findall(r"^message (.*)$", result.stdout, re.MULTILINE)
        self.log = [line for line in result.stderr.splitlines() if line.startswith("podo: ")]

    def __str__(self):
        return str(self.result)

    def logged(self, text):
        return [line for line in self.log if text in line]

    def has(self, **facts):
        return all(self.facts.get(name) == value for name, value in facts.items())


def linked(sentence, scenario, expected=0, host="linked", command=(), deadline=60, **settings):
    """Runs a host that links podo; checks that it ends as expected."""
    result = tap.run([*command, program(host), scenario], deadline, env=environment(**settings))
    tap.check(sentence, not result.timed_out and result.returncode == expected, result)
    return Ended(result)


def preloaded(sentence, scenario, expected=SURVIVED, runs=1, **settings):
    """Runs a host that knows nothing of podo under the preload library, so often."""
    env = environment(LD_PRELOAD=PRELOAD, **settings)
    results = [tap.run([program("host"), scenario], 60, env=env) for _ in range(runs)]
    bad = [r for r in results if r.timed_out or r.returncode != expected]
    tap.check(f"{sentence} ({runs - len(bad)} of {runs})", not bad, "\n".join(map(str, bad[:3])))
    return Ended(results[-1])


def legacy_samples(path):
    """Ticks in a profile of gperftools (the binary CPU format, version 0)."""
    with open(path, "rb") as f:
        data = f.read()
    words = struct.unpack(f"<{len(data) // 8}Q", data[:len(data) // 8 * 8])
    at, total = 2 + words[1], 0
    while at + 1 < len(words) and words[at] != 0:
        total += words[at]
        at += 2 + words[at + 1]
    return total
