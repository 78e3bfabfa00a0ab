# SPDX-License-Identifier: Apache-2.0
"""Runs another suite's script in another environment (a sanitizer's build, the long form) and takes
over its verdicts."""

import os
import re
import sys

import tap

VERDICT = re.compile(r"^(ok|not ok|skip) - (.+)$")


def run(script, deadline, **environment):
    """`script` is relative to tests/. What it prints beside verdicts is shown where one failed."""
    path = os.path.join(tap.source_dir(), "tests", script)
    ended = tap.run([sys.executable, path], deadline, env=dict(os.environ, **environment))
    name = os.path.splitext(os.path.basename(script))[0]
    lines = ended.stdout.splitlines()
    verdicts = [VERDICT.match(line) for line in lines]
    for at, verdict in enumerate(verdicts):
        if verdict is None:
            continue
        detail = []
        for line in lines[at + 1:]:
            if VERDICT.match(line):
                break
            detail.append(line)
        if verdict[1] == "skip":
            sentence, _, tool = verdict[2].rpartition(" (missing ")
            tap.skip(f"{name}: {sentence}", tool.rstrip(")"))
        else:
            tap.check(f"{name}: {verdict[2]}", verdict[1] == "ok", "\n".join(detail))
    tap.check(f"{name}: ends within its deadline", not ended.timed_out and any(verdicts), ended)
