# SPDX-License-Identifier: Apache-2.0
"""10 s windows of redis, rocksdb and clang++ under the preload library, as files."""

import glob
import os
import shutil

import tap

SOCKET = "redis.sock"
WAIT_S = 33  # a window, an interval for its names, and room for a crowded machine
NAMES = ("redis", "rocksdb", "clang++")


def workload(name, known, directory):
    """(the tool it needs, its argv, the argv of what loads it or None)."""
    if name == "redis":
        path = os.path.join(directory, SOCKET)
        load = ["redis-benchmark", "-s", path, "-l", "-c", "20", "-q", "-P", "16", "-t",
                "set,get,lpush,lrange_100"]
        waiting = ["sh", "-c", 'while [ ! -S "$0" ]; do sleep 0.1; done; exec "$@"', path, *load]
        return "redis-server", known.redis_server(path), waiting
    if name == "rocksdb":
        return "db_bench", known.db_bench(os.path.join(directory, "store"), 50_000_000), None
    return "clang++", ["clang++", "-O2", "-c", known.large_unit, "-o", "large.o"], None


def first(name, known, directory, symbolize):
    """Path of the .pb.gz of the first window, or None if none was written in time."""
    tool, argv, load = workload(name, known, directory)
    out = os.path.join(directory, f"{name}-{symbolize}")
    os.makedirs(out)
    preload = os.path.join(tap.build_dir(), "lib", "libpodo_preload.so")
    env = tap.clean_environment(LD_PRELOAD=preload, PODO_EXPORT=f"file://{out}/", PODO_LOG="error",
                                PODO_INTERVAL="10s", PODO_SYMBOLIZE=symbolize)
    if os.path.exists(os.path.join(directory, SOCKET)):
        os.unlink(os.path.join(directory, SOCKET))  # a killed server leaves it
    shutil.rmtree(os.path.join(directory, "store"), ignore_errors=True)
    child = tap.start(argv, env=env, cwd=directory, stdout=-3, stderr=-3)
    driver = tap.start(load, env=tap.clean_environment(), stdout=-3, stderr=-3) if load else None

    def written():
        return sorted(glob.glob(os.path.join(out, "*.pb.gz")))

    files = tap.wait_until(lambda: written() or child.poll() is not None, deadline=WAIT_S, step=0.2)
    for running in (driver, child):
        if running is not None:
            tap.kill(running)
    return files[0] if isinstance(files, list) and files else None


def record(name, known, directory, seconds):
    """Its windows of so long, as files; the program is started again when it ends."""
    _, argv, load = workload(name, known, directory)
    out = os.path.join(directory, f"{name}-windows")
    os.makedirs(out)
    env = tap.clean_environment(
        LD_PRELOAD=os.path.join(tap.build_dir(), "lib", "libpodo_preload.so"),
        PODO_EXPORT=f"file://{out}/", PODO_LOG="error", PODO_INTERVAL="10s")
    running = {}

    def start_again():
        if "program" not in running or running["program"].poll() is not None:
            running["program"] = tap.start(argv, env=env, cwd=directory, stdout=-3, stderr=-3)
        if load and ("load" not in running or running["load"].poll() is not None):
            running["load"] = tap.start(load, env=tap.clean_environment(), stdout=-3, stderr=-3)
        return False

    tap.wait_until(start_again, deadline=seconds, step=0.5)
    for child in reversed(list(running.values())):
        tap.kill(child)
    return sorted(glob.glob(os.path.join(out, "*.pb.gz")))


def missing(name, known, directory):
    """The name of the tool that is not installed, or None."""
    tool = workload(name, known, directory)[0]
    return None if shutil.which(tool) else tool
