# SPDX-License-Identifier: Apache-2.0
"""Runs doctest binaries and reports each test case as one check."""

import glob
import os
import xml.etree.ElementTree as ElementTree

import tap

SKIPPED = "SKIPPED: "
DEADLINE_S = 120  # for one binary; a unit test that takes longer is none


def run_binaries(build, env=None, deadline=DEADLINE_S):
    """Runs every podo_unit_* of a build directory."""
    binaries = sorted(p for p in glob.glob(os.path.join(build, "tests", "unit", "podo_unit_*"))
                      if os.path.isfile(p) and os.access(p, os.X_OK))
    tap.check(f"there are unit tests in {os.path.basename(build)}", binaries)
    for binary in binaries:
        run_binary(binary, env, deadline)


def run_binary(binary, env=None, deadline=DEADLINE_S):
    name = os.path.basename(binary)
    report = os.path.join(tap.temp_dir(), "report.xml")
    result = tap.run([binary, "--reporters=xml", f"--out={report}"], deadline, env=env)
    cases, failed = read_report(report)
    for sentence, problem, skipped in cases:
        if skipped and problem is None:
            tap.skip(f"{name}: {sentence}", skipped)
        else:
            tap.check(f"{name}: {sentence}", problem is None, problem or "")
    # A crash, a sanitizer's report or a leak shows in the exit status, not in a test case.
    tap.check(f"{name} ends as its test cases say",
              (result.returncode == 0) == (failed == 0) and cases and not result.timed_out, result)


def read_report(path):
    """Returns ([(sentence, problem or None, what was missing or None)], number of failed cases).

    A case that cannot be run here says so by MESSAGE("SKIPPED: what is missing")."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return [], 0  # the binary died before it wrote the end; its exit status tells
    cases = []
    for case in root.iter("TestCase"):
        verdict = case.find("OverallResultsAsserts")
        if verdict is None:  # listed, not run
            continue
        good = verdict.get("test_case_success") == "true"
        said = ["".join(message.itertext()).strip() for message in case.iter("Message")]
        skipped = next((text[len(SKIPPED):] for text in said if text.startswith(SKIPPED)), None)
        cases.append((case.get("name"), None if good else explain(case), skipped))
    return cases, sum(problem is not None for _, problem, _ in cases)


def explain(case):
    lines = [f"{case.get('filename')}:{case.get('line')}"]
    for failure in case.iter("Expression"):
        original = (failure.findtext("Original") or "").strip()
        expanded = (failure.findtext("Expanded") or "").strip()
        lines.append(f"{failure.get('filename')}:{failure.get('line')}: {original}  [{expanded}]")
        lines += ["  with " + (note.text or "").strip() for note in failure.iter("Info")]
    for thrown in list(case.iter("Exception")) + list(case.iter("Message")):
        lines.append(" ".join("".join(thrown.itertext()).split()))
    return "\n".join(lines)
