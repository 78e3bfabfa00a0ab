#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 900
"""A fleet never sends in step: steady, after a mass restart, and after an hour without a gateway.

Simulated with podo's own policy code; every number is a count and comes out the same each time. PODO_TEST_LONG=1
takes 100,000 instances through the outage too.
"""

import os
import sys

import scenarios
from scenarios import INTERVAL_S, OUTAGE, rates, tap

FLEET = 100_000
OUTAGE_FLEET = FLEET if os.environ.get("PODO_TEST_LONG") == "1" else 4_000


def within(sentence, values, low, high):
    tap.check(sentence, low <= min(values) and max(values) <= high,
              f"{min(values)} to {max(values)}, accepted: {low:.0f} to {high:.0f}")


def nothing_missing(name, result, waiting):
    """`waiting`: how many windows may be on their way at the end."""
    windows, sent, left = result["windows"], result["sent"], result["waiting"]
    tap.check(f"{name}: every window is accepted once or still on its way, none is lost",
              result["lost"] == 0 and windows == sent + left and left <= waiting,
              {k: v for k, v in result.items() if k != "seconds"})


# Five sigma of a Poisson count, though the sum over instances is steadier than that.
mean = FLEET / INTERVAL_S
slack = 5 * mean ** 0.5
for name, run in (("steady", scenarios.steady), ("all started at once", scenarios.restart)):
    result = run(FLEET)
    within(f"{name}: {FLEET} instances make the same rate in every second",
           rates(result, 2 * INTERVAL_S, 120), mean - slack, mean + slack)
    nothing_missing(name, result, FLEET)

mean = OUTAGE_FLEET / INTERVAL_S
slack = 5 * mean ** 0.5
result = scenarios.outage(OUTAGE_FLEET)
begin, end = OUTAGE
within("outage: while the gateway is away the fleet asks less often than it would send",
       rates(result, begin + 120, end), 0, 0.35 * mean)
within("outage: its first seconds meet no burst above three times the usual rate",
       rates(result, begin, begin + 120), 0, 3 * mean)
within("outage: the gateway that is back meets at most twice the usual rate",
       rates(result, end, 8400), 0, 2 * mean + 2 * slack)
within("outage: 400 s after the backlog is drained the rate is the usual one",
       rates(result, 8000, 8400), mean - slack, mean + slack)
within("outage: what is fresh goes out beside what is late, from two minutes on",
       [a - l for a, l in zip(rates(result, end + 130, 8400, 1), rates(result, end + 130, 8400, 2))],
       mean - slack, mean + 2 * slack)
nothing_missing("outage", result, OUTAGE_FLEET)

capacity = int(1.5 * mean)
result = scenarios.outage(OUTAGE_FLEET, capacity)
within("a gateway that takes 1.5 times the usual rate is kept busy with it, not asked for thrice",
       rates(result, end + 300, 5000), capacity, 2.5 * mean)

sys.exit(tap.done())
