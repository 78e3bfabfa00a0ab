#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 600
"""Snapshots of modules published and retired at full speed under sampling."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402


def main():
    seconds = int(scenario.size(4, 120))
    ended = scenario.run("snapshots published and retired under a storm of ticks: no crash", "churn",
                         "churn", seconds, deadline=seconds + 60, totals=False)
    facts = ended.facts
    tap.check(f"{facts.get('published', 0) // seconds} snapshots a second were published",
              facts.get("published", 0) > 20 * seconds, ended)
    tap.check("every sample taken was drained, every tick accounted for",
              facts.get("taken", 0) > 1000 and facts["samples"] + 2000 > facts["taken"]
              and facts["ticks"] == facts["taken"] + facts["ring_full"], ended)
    grown = facts.get("heap_kb_late", 9e9) - facts.get("heap_kb_early", 0)
    tap.check(f"memory stays flat: {grown} KiB more", grown < 4096, ended)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
