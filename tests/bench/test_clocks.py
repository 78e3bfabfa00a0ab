#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 1500
"""Which clock is fair: threads of every kind under each of them, what they measured beside what podo says."""

import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "accuracy"))
import clocks  # noqa: E402
from clocks import tap  # noqa: E402

ROUNDS = int(os.environ.get("PODO_TEST_ROUNDS", "5"))
SCENARIOS = (("equal", 1), ("equal", 2), ("equal", 8), ("equal", 64), ("unequal", 6), ("bursty", 10), ("churn", 4))


def main():
    """The clocks take turns, so that a neighbour's load hits all of them."""
    errors, totals = {}, {}
    for _ in range(ROUNDS):
        for case in SCENARIOS:
            for clock in clocks.CLOCKS:
                run = clocks.Run(clock, *case, 3000)
                if run.result.returncode != 0 or not run.cpu_ns:
                    tap.check(f"{run.name}: it ends well", False, run.result)
                    return tap.done()
                errors.setdefault((case, clock), []).append(run.worst_error())
                totals.setdefault((case, clock), []).append(run.total_ratio())
    print("| threads | " + " | ".join(clocks.CLOCKS) + " |")
    print("|---" * (1 + len(clocks.CLOCKS)) + "|")
    for case in SCENARIOS:
        cells = [f"{statistics.median(errors[case, c]):.3f} (worst {max(errors[case, c]):.3f}), "
                 f"{statistics.median(totals[case, c]):.2f}" for c in clocks.CLOCKS]
        print(f"| {case[1]} {case[0]} | " + " | ".join(cells) + " |")
    tap.check("every clock was measured in every case", len(errors) == len(SCENARIOS) * len(clocks.CLOCKS))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
