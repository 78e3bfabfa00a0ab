#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""Bytes a sample of the first whole 10 s window, as pprof.gz, addresses only and with symbols."""

import glob
import gzip
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import figures  # noqa: E402
import programs  # noqa: E402

GOALS = {"redis": 4.2, "rocksdb": 7.6, "clang++": 37}
SOCKET = "redis.sock"
FULL = 800  # of 1000 samples: below, the fixed part of a file weighs more than the goal knows of
WAIT_S = 33  # a window, an interval for its names, and room for a crowded machine


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """(number, value) of a protobuf message; value is bytes or int. Written against the wire format."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {key & 7} in a pprof file")
        yield key >> 3, value


def samples_of(path):
    """Ticks in a pprof file: the sum of the first value of each sample (Profile.sample = 2)."""
    with gzip.open(path) as f:
        data = f.read()
    total = 0
    for number, sample in fields(data):
        if number == 2:
            values = next(v for n, v in fields(sample) if n == 2)
            total += varint(values, 0)[0] if isinstance(values, bytes) else values
    return total


def first_window(argv, name, directory, symbolize, load=None):
    """Runs the program until its first window is on disk; (bytes, samples)."""
    out = os.path.join(directory, f"{name}-{symbolize}")
    os.makedirs(out)
    preload = os.path.join(tap.build_dir(), "lib", "libpodo_preload.so")
    env = tap.clean_environment(LD_PRELOAD=preload, PODO_EXPORT=f"file://{out}/", PODO_LOG="error",
                                PODO_INTERVAL="10s", PODO_SYMBOLIZE=symbolize)
    if os.path.exists(os.path.join(directory, SOCKET)):
        os.unlink(os.path.join(directory, SOCKET))  # a killed server leaves it
    child = tap.start(argv, env=env, cwd=directory, stdout=-3, stderr=-3)
    driver = tap.start(load, env=tap.clean_environment(), stdout=-3, stderr=-3) if load else None

    def written():
        return sorted(glob.glob(os.path.join(out, "*.pb.gz")))

    files = tap.wait_until(lambda: written() or child.poll() is not None, deadline=WAIT_S, step=0.2)
    for running in (driver, child):
        if running is not None:
            tap.kill(running)
    if not isinstance(files, list) or not files:
        return None
    return os.path.getsize(files[0]), samples_of(files[0])


def measure(name, argv, directory, load=None):
    seen = {s: first_window(argv, name, directory, s, load) for s in ("none", "full")}
    if not tap.check(f"{name}: a whole window was written, with and without symbols",
                     all(seen.values()), seen):
        return
    size, samples = seen["none"]
    named_size, named_samples = seen["full"]
    each = size / samples
    if each <= GOALS[name]:
        verdict = "meets its goal"
    elif samples < FULL:
        verdict = f"{figures.NOT_RESOLVABLE}: no busy core,"
    else:
        verdict = "misses its goal"
    figures.record(f"bytes a sample, 10 s of {name}, addresses only", f"{each:.1f} B",
                   f"with symbols {named_size / named_samples:.1f} B ({named_samples} samples)",
                   f"<= {GOALS[name]} B", f"{verdict} ({samples} samples)", size_bytes=size,
                   samples=samples, named_size_bytes=named_size, named_samples=named_samples)


def main():
    directory = tap.temp_dir()
    known = programs.Programs(directory)
    path = os.path.join(directory, SOCKET)
    load = ["redis-benchmark", "-s", path, "-l", "-c", "20", "-q", "-P", "16", "-t",
            "set,get,lpush,lrange_100"]
    waiting = ["sh", "-c", 'while [ ! -S "$0" ]; do sleep 0.1; done; exec "$@"', path, *load]
    todo = {"redis": ("redis-server", known.redis_server(path), waiting),
            "rocksdb": ("db_bench", known.db_bench(os.path.join(directory, "store"), 50_000_000), None),
            "clang++": ("clang++", ["clang++", "-O2", "-c", known.large_unit, "-o", "large.o"], None)}
    for name, (tool, argv, driver) in todo.items():
        if shutil.which(tool) is None:
            tap.skip(f"{name}: bytes a sample", tool)
            continue
        measure(name, argv, directory, driver)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
