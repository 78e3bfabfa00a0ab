#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 2400
"""The loader's and the allocator's locks, exceptions and plugins, under a storm of SIGPROF."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402

PLUGINS = ("plugin_east", "plugin_west", "plugin_wide")


def callback_waits():
    ended = scenario.run("a thread is sampled while another holds the loader's lock and waits for it",
                         "loader", "callback-waits", deadline=40)
    tap.check("at least 100 samples were taken under the loader's lock, in less than 3 s",
              ended.facts.get("taken_under_lock", 0) >= 100 and ended.facts["sampled_ms"] < 3000, ended)
    tap.check("tables, drain and flush do not wait for the loader's lock",
              ended.facts.get("flush_under_lock") == 0 and ended.facts["generation_under_lock"] > 0,
              ended)


def two_locks():
    ended = scenario.run("two threads in dl_iterate_phdr beside three busy ones end", "loader",
                         "two-locks", scenario.size(4, 60), deadline=150)
    rows = [tuple(map(int, row)) for row in ended.rows("progress")]
    stuck = [(a, b) for a, b in zip(rows, rows[4:]) if any(x >= y for x, y in zip(a, b))]
    tap.check("ticks, iterations and other work all rise within every 2 s", len(rows) > 8 and not stuck,
              f"{stuck}\n{ended}")


def hammer():
    hits = int(scenario.size(15000, 100000))
    ended = scenario.run("a thread hit by SIGPROF as fast as it can be sent goes on", "loader",
                         "hammer", hits, deadline=500)
    seen = {row[0]: tuple(map(int, row[1:])) for row in ended.rows("hammer")}
    for name in ("dl_iterate_phdr", "malloc", "pthread_mutex", "throw"):
        ticks, taken, rounds = seen.get(name, (0, 0, 0))
        tap.check(f"{name}: {ticks} ticks, {taken} taken, {rounds} rounds done beside them",
                  ticks >= hits and taken >= hits / 20 and rounds > 10, ended)
    tap.check("at least 50,000 ticks in all", sum(row[0] for row in seen.values()) >= 50000, ended)


def misattributed(folded):
    """Shares of all time: (rightly named plugin frames, frames under another plugin's caller)."""
    right = wrong = 0
    for frames, value in folded.stacks:
        caller = [p for p in PLUGINS if any("run_" + p in f for f in frames)]
        inside = {p for p in PLUGINS if any(f.startswith(p + "_") for f in frames)}
        if len(caller) != 1 or not inside:
            continue
        wrong += value if inside != set(caller) else 0
        right += value if inside == set(caller) else 0
    total = folded.total() or 1
    return right / total, wrong / total


def plugins(scene, sentence, seconds, least_right, deadline):
    ended, folded = scenario.folded_run(f"{sentence}: no crash, no hang", "loader", scene, seconds,
                                        deadline=deadline, interval="2s")
    right, wrong = misattributed(folded)
    loads, reused = ended.facts.get("loads", 0), ended.facts.get("reused", 0)
    tap.check(f"{sentence}: addresses were used again ({reused} of {loads})", reused > loads / 4, ended)
    tap.check(f"{sentence}: no frame is given to a plugin that is not there "
              f"({right:.1%} right, {wrong:.1%} wrong)", right >= least_right and wrong == 0,
              f"{ended}\n{folded}")


def main():
    callback_waits()
    two_locks()
    hammer()
    plugins("dl-storm", "plugins replaced every 2 ms", scenario.size(4, 300), 0, 400)
    plugins("dl-turns", "plugins replaced every 0.7 s", scenario.size(5, 60), 0.1, 150)
    plugins("dl-twins", "plugins of one layout replaced every 3 s", scenario.size(11, 60), 0.1, 150)
    ended = scenario.run("plugins loaded and unloaded under a storm of ticks: no crash, no hang",
                         "loader", "dl-hammer", scenario.size(4, 300), deadline=400)
    tap.check("plugins were loaded and samples taken all the while",
              ended.facts.get("loads", 0) > 100 and ended.facts["taken"] > 1000, ended)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
