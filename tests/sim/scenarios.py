# SPDX-License-Identifier: Apache-2.0
"""The scenarios of docs/scale.md, run by podo_fleet_case: podo's own delivery policy, a simulated clock and gateway."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

INTERVAL_S = 10
OUTAGE = (300, 3900)  # one hour, after five minutes


def simulate(instances, duration_s, started_within_s, outage=(0, 0), capacity=0):
    """The totals, and [requests, accepted, late] of every second."""
    case = os.path.join(tap.build_dir(), "tests", "sim", "podo_fleet_case")
    out = subprocess.run(
        [case, f"instances={instances}", f"interval_s={INTERVAL_S}", f"duration_s={duration_s}",
         f"started_within_s={started_within_s}", f"outage_begin_s={outage[0]}",
         f"outage_end_s={outage[1]}", f"capacity={capacity}"],
        check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def steady(instances):
    return simulate(instances, 120, INTERVAL_S)


def restart(instances):
    """Every process of the fleet begins in the same instant."""
    return simulate(instances, 120, 0)


def outage(instances, capacity=0):
    return simulate(instances, 8400, INTERVAL_S, OUTAGE, capacity)


def rates(result, begin_s, end_s, column=0):
    return [second[column] for second in result["seconds"][begin_s:end_s]]
