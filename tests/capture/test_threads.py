#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 900
"""Threads by the thousand; the first sample of a thread; rings come back."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402


def first_in_malloc():
    env = scenario.environment()
    env["MALLOC_ARENA_MAX"] = "1"
    threads = int(scenario.size(400, 10000))
    ended = scenario.run("threads hit first inside malloc, with 40 keys and one arena, go on",
                         "threads", "first-in-malloc", threads, deadline=400, env=env)
    tap.check("every group of threads was sampled", ended.facts.get("sampled_rounds") == threads / 4,
              ended)
    tap.check("their rings came back", ended.facts.get("rings_at_end", 99) <= 3, ended)


def churn():
    threads = 10000
    ended = scenario.run(f"{threads} threads of two ticks each end", "threads", "churn", threads,
                         deadline=120)
    facts = ended.facts
    tap.check(f"each tick is a sample or had no ring (peak {facts.get('rings_at_peak')} rings)",
              facts.get("threads") == threads and
              facts["taken"] + facts["no_ring"] >= 2 * threads, ended)
    tap.check(f"threads that end make room: {facts.get('no_ring')} of {2 * threads} ticks had no ring",
              facts.get("no_ring", 9e9) <= threads / 20, ended)
    tap.check("all rings came back", facts.get("rings_at_end", 99) <= 3, ended)


def many():
    ended = scenario.run("2,000 threads, 64 rings: the program goes on", "threads", "many", 2000,
                         env=scenario.environment(PODO_MAX_THREADS="64"), deadline=120)
    facts = ended.facts
    tap.check("64 threads are sampled, the ticks of the others are counted as no_ring",
              facts.get("started") == 2000 and facts["rings_full"] == 64
              and facts["no_ring"] >= 2000 - 64 and 1 <= facts["taken"] <= 2000, ended)
    tap.check("the 64 rings came back", facts.get("rings_at_end", 99) <= 3, ended)
    ended = scenario.run("2,000 threads, 4,096 rings: the program goes on", "threads", "many", 2000,
                         env=scenario.environment(PODO_MAX_THREADS="4096"), deadline=120)
    tap.check("all 2,000 threads are sampled",
              ended.facts.get("no_ring") == 0 and ended.facts["taken"] >= 2000, ended)


def main():
    first_in_malloc()
    churn()
    many()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
