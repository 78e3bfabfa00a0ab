#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 600
"""The protocols of lib/capture, run in every way they can go, and mutants that must be caught.

What runs is podo's own code, compiled against a model of C++20 memory (memory.h). Every number is a
count and comes out the same each time.
"""

import concurrent.futures
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

from properties import (  # noqa: E402
    LITMUS, LONG_SCENARIOS, MIRRORED, MUTANTS, RECOUNTED, SCENARIOS, SOURCE_MUTANTS)

HERE = os.path.dirname(os.path.abspath(__file__))
CASE = os.path.join(tap.build_dir(), "tests", "model", "podo_model_case")
HANDLER = "lib/capture/handler.cc"


class Report:
    def __init__(self, result):
        self.text = "\n".join(line for line in str(result).splitlines() if not line.startswith("order "))
        self.facts, self.outcomes, self.violation = {}, set(), None
        for line in result.stdout.splitlines():
            word, _, rest = line.partition(" ")
            if word == "outcome":
                self.outcomes.add(rest.strip())
            elif word == "violation":
                self.violation = rest
            elif rest.isdigit():
                self.facts[word] = int(rest)
        self.holds = result.returncode == 0 and self.facts.get("complete") == 1 and not self.violation
        self.caught = result.returncode == 1 and self.violation is not None


def explore(words):
    return Report(tap.run([CASE, *words.split()], 240))


def explore_all(jobs):
    """Two at a time, in order."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(explore, jobs))


def read(name):
    with open(os.path.join(tap.source_dir(), name), encoding="utf-8") as f:
        return f.read()


def check_litmus():
    for name, sentence, outcomes in LITMUS:
        reports = explore_all([name, name + " no-reduction"])
        wrong = outcomes is None
        good = all(r.caught if wrong else r.holds and r.outcomes == set(outcomes.split()) for r in reports)
        tap.check(f"memory: {sentence}", good, "\n".join(r.text for r in reports))


def check_scenarios():
    scenarios = SCENARIOS + (LONG_SCENARIOS if os.environ.get("PODO_TEST_LONG") == "1" else [])
    reports = explore_all([words for words, _, _ in scenarios])
    executions = operations = 0
    for (words, sentence, reached), report in zip(scenarios, reports):
        count = report.facts.get("executions", 0)
        executions += count
        operations += report.facts.get("operations", 0)
        print(f"# {words}: {count} executions, {report.facts.get('operations', 0)} atomic operations")
        tap.check(sentence, report.holds, report.text)
        missing = set(reached) - report.outcomes
        if reached:
            tap.check(f"{words}: the cases that matter came about ({', '.join(reached)})",
                      not missing, f"missing {missing} of {report.outcomes}")
    print(f"# all: {executions} executions, {operations} atomic operations")


def check_reduction():
    """What the reduction leaves out is alike: the plain search, which repeats, finds no execution more."""
    reduced, plain = explore_all(RECOUNTED), explore_all([name + " sleep-only" for name in RECOUNTED])
    for name, one, other in zip(RECOUNTED, reduced, plain):
        tap.check(f"{name}: the reduction leaves out no execution", one.holds and other.holds
                  and one.facts["executions"] == other.facts["executions"] and one.outcomes == other.outcomes,
                  f"{one.text}\n{other.text}")


def check_documented():
    """Each property stands in the docs' table, as it is checked."""
    table = [line for line in read("docs/capture.md").splitlines() if line.startswith("| `")]
    for words, sentence, _ in SCENARIOS:
        name = words.split()[0]
        tap.check(f"{name} stands in the table of docs/capture.md",
                  any(line.startswith(f"| `{name}` | {sentence} |") for line in table))


def check_mutants():
    reports = explore_all([f"{scenario} {change}" for scenario, change, _ in MUTANTS])
    for (scenario, change, sentence), report in zip(MUTANTS, reports):
        tap.check(sentence, report.caught and (not change or report.facts.get("met") == 1),
                  f"{scenario} {change}\n{report.text}")


def build_handler(name, changes):
    """The handler with `changes` [(text, other text)] as a library; None if it does not come to be."""
    text = read(HANDLER)
    for old, new in changes:
        if not tap.check(f"mutant {name}: the handler still has what it changes, once", text.count(old) == 1, old):
            return None
        text = text.replace(old, new)
    directory = os.path.join(tap.temp_dir(), name)
    os.makedirs(directory)
    mutant, made = os.path.join(directory, "handler.cc"), os.path.join(directory, "handler.so")
    with open(mutant, "w", encoding="utf-8") as f:
        f.write(text)
    root = tap.source_dir()
    compiled = tap.run(["g++", "-std=c++20", "-O2", "-w", "-fsanitize=thread", "-fPIC", "-fvisibility=hidden",
                        f'-DPODO_HANDLER="{mutant}"', "-I", os.path.join(root, "lib"), "-I", os.path.join(root, "include"),
                        "-c", os.path.join(HERE, "handler_under_test.cc"), "-o", made + ".o"], 240)
    # Linked without the sanitizer: what the code calls is the program's.
    linked = tap.run(["g++", "-shared", made + ".o", "-o", made], 60)
    good = tap.check(f"mutant {name} compiles", compiled.returncode == 0 and linked.returncode == 0,
                     f"{compiled}\n{linked}")
    return made if good else None


def check_source_mutants():
    for name, changes, runs in SOURCE_MUTANTS:
        handler = build_handler(name, changes)
        if handler is None:
            continue
        for words, caught, sentence in runs:
            report = explore(f"{words} handler={handler}")
            tap.check(sentence, report.caught if caught else report.holds, f"{words}\n{report.text}")


def check_mirrored():
    for name, lines in MIRRORED:
        text = " ".join(read(name).split())
        gone = [line for line in lines if " ".join(line.split()) not in text]
        tap.check(f"{name} still does what the scenarios do in its place", not gone, "\n".join(gone))


if tap.check("the model is built", os.path.exists(CASE), CASE):
    check_litmus()
    check_mirrored()
    check_scenarios()
    check_reduction()
    check_documented()
    check_mutants()
    check_source_mutants()
sys.exit(tap.done())
