#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 90
"""All of podo at 100 Hz on one busy core, derived: 100 x (handler mean + delivery) + background.

One run of a busy program: what podo's own threads burn in its first seconds (tables, symbols) is
reported apart from the steady state, seconds 15 to 35, read once a second."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import clocked  # noqa: E402
import figures  # noqa: E402

HZ = 100
WARM_S, STEADY_S, END_S = 10, 15, 35
GOAL = 0.2  # percent of a core


def empty_round_trip_ns():
    """tgkill, delivery to an empty handler and return: an upper bound of what delivery costs."""
    program = os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_handler")
    result = tap.run([program, "podo", "20"], deadline=60,
                     env=tap.clean_environment(PODO_LOG="error"))
    return figures.Spread([float(line.split()[2]) for line in result.stdout.splitlines()
                           if line.startswith("cold empty ")])


def main():
    directory = tap.temp_dir()
    busy = os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_busy")
    library = os.path.join(tap.build_dir(), "lib", "libpodo.so")
    env, calls = clocked.environment("podo", directory, hz=HZ, PODO_SYMBOLIZE="full",
                                     PODO_INTERVAL="10s")
    result = tap.run([busy, "1", str(END_S + 1), library], deadline=60, env=env)
    if not tap.check("the busy program runs to its end under podo", result.returncode == 0 and
                     os.path.exists(calls), result):
        return tap.done()
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    own = {round(line["second"]): line["own_cpu_ns"] for line in lines if line["profiled"]}
    if not tap.check("podo tells its own CPU time every second",
                     {WARM_S, STEADY_S, END_S} <= own.keys(), sorted(own)):
        return tap.done()
    background_ns = (own[END_S] - own[STEADY_S]) / (END_S - STEADY_S)
    seconds = figures.Spread([own[s + 1] - own[s] for s in range(STEADY_S, END_S)
                              if s in own and s + 1 in own])
    handler = clocked.Handler(calls)
    delivery = empty_round_trip_ns()
    samples_ns = HZ * (handler.mean() + delivery.median)
    percent = (samples_ns + background_ns) / 1e9 * 100
    figures.record(
        "all of podo at 100 Hz, symbols warm", f"{percent:.3f} % of a core",
        f"handler {handler.mean():.0f} ns + delivery {delivery.median:.0f} ns (empty round trip, "
        f"cold) a sample; background {background_ns / 1000:.0f} us/s, by second "
        f"{figures.Spread([s / 1000 for s in seconds.values]).text('{:.0f}')}",
        f"<= {GOAL} %", figures.judge(percent, GOAL, seconds.count), percent=percent,
        handler_ns=handler.mean(), delivery_ns=delivery, background_ns_per_s=background_ns,
        background_by_second_ns=seconds, calls=handler.count)
    figures.record(f"own CPU in the first {WARM_S} s (tables, symbols)",
                   f"{own[WARM_S] / 1e6:.1f} ms", f"{own[STEADY_S] / 1e6:.1f} ms after {STEADY_S} s",
                   "reported", "reported", own_cpu_ns=own[WARM_S])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
