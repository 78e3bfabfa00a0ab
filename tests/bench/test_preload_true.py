#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 120
"""What the preload library costs a process that ends at once: `true`, interleaved with bare runs.

Each round runs, in a random order, bare, bare again (the A/A control), under an empty library and
under libpodo_preload.so. The figure is the median over rounds of each time over its round's bare."""

import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import figures  # noqa: E402

ROUNDS = 200
LIMIT = 1.3  # times bare
TRUE = "/bin/true"


def run_once(environment):
    began = time.perf_counter_ns()
    pid = os.posix_spawn(TRUE, [TRUE], environment)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise RuntimeError(f"{TRUE} ended with status {status}")
    return time.perf_counter_ns() - began


def empty_library():
    folder = tap.temp_dir()
    path = os.path.join(folder, "empty.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", path], check=True)
    return path


def main():
    preload = os.path.join(tap.build_dir(), "lib", "libpodo_preload.so")
    variants = {
        "bare": tap.clean_environment(),
        "bare again": tap.clean_environment(),
        "empty library": tap.clean_environment(LD_PRELOAD=empty_library()),
        "podo": tap.clean_environment(LD_PRELOAD=preload),
        "podo, PODO_ENABLED=false": tap.clean_environment(LD_PRELOAD=preload, PODO_ENABLED="false"),
    }
    ratios = {name: [] for name in variants}
    for round_number in range(-10, ROUNDS):  # ten to warm up
        order = random.sample(list(variants), len(variants))
        took = {name: run_once(variants[name]) for name in order}
        if round_number >= 0:
            for name in variants:
                ratios[name].append(took[name] / took["bare"])
    spread = {name: figures.Spread(values) for name, values in ratios.items()}
    control = spread["bare again"]
    beside = ", ".join(f"{name} {spread[name].text('{:.3f}', 'x')}"
                       for name in ("bare again", "empty library", "podo, PODO_ENABLED=false"))
    podo = spread["podo"]
    figures.record("`true` under the preload library", podo.text("{:.3f}", "x bare"), beside,
                   f"<= {LIMIT}x", figures.judge(podo.median, LIMIT, ROUNDS, podo.median - 1,
                                                 figures.width(control)),
                   **{f"ratio, {name}": s for name, s in spread.items()})
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
