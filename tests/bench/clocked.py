# SPDX-License-Identifier: Apache-2.0
"""Runs a program under a profiler with every call of its SIGPROF handler timed (handler_clock.c)."""

import itertools
import os
import struct

import tap

GPERFTOOLS = "libprofiler.so.0"
_numbers = itertools.count()


class Handler:
    """Calls of one process: nanoseconds each."""

    def __init__(self, path):
        with open(path, "rb") as f:
            stored = f.read()
        ghz = struct.unpack("<d", stored[:8])[0]
        cycles = struct.unpack(f"<{len(stored) // 4 - 2}I", stored[8:])
        self.calls_ns = sorted(c / ghz for c in cycles)
        self.count = len(self.calls_ns)

    def mean(self):
        return sum(self.calls_ns) / self.count

    def trimmed_mean(self):
        """Without the slowest hundredth: calls that lost the processor to another process."""
        kept = self.calls_ns[:max(1, self.count * 99 // 100)]
        return sum(kept) / len(kept)


def environment(profiler, directory, hz=250, **changes):
    """Variables for one run; the second value is where Handler will find its calls."""
    bench = os.path.join(tap.build_dir(), "tests", "bench")
    clock = os.path.join(bench, "podo_bench_clock.so")
    number = next(_numbers)
    calls = os.path.join(directory, f"calls-{number}")
    settings = {"PODO_BENCH_CLOCK": calls}
    if profiler == "gperftools":
        # It finds the clock by symbol lookup: the clock stands in front.
        settings.update(LD_PRELOAD=f"{clock}:{GPERFTOOLS}", CPUPROFILE_FREQUENCY=hz,
                        CPUPROFILE=os.path.join(directory, f"gperftools-{number}"))
    else:
        # podo's preload library hands its own calls on to the next library: the clock stands behind.
        preload = os.path.join(tap.build_dir(), "lib", "libpodo_preload.so")
        settings.update(LD_PRELOAD=f"{preload}:{clock}", PODO_SAMPLE_HZ=hz, PODO_LOG="error",
                        PODO_EXPORT=f"file://{directory}/", PODO_SYMBOLIZE="none")
    settings.update(changes)
    return tap.clean_environment(**settings), calls
