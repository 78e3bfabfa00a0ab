#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 420
"""Bytes a sample on the wire, CPU of encode and compress, and memory of it, of real 10 s windows."""

import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import pprof_file  # noqa: E402
import pypi  # noqa: E402
import tap  # noqa: E402

import figures  # noqa: E402
import programs  # noqa: E402
import windows  # noqa: E402

ROUNDS = 25
PEAK_GOAL = 4 << 20
HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = {"none": "addresses only", "full": "with symbols"}


def go(directory, *arguments, **options):
    """A step of Go that fetches nothing: no other toolchain, no module."""
    env = tap.clean_environment(GOTOOLCHAIN="local", GOFLAGS=None, PPROF_TMPDIR=directory,
                                GOPROXY="off", GO111MODULE="off",
                                GOCACHE=os.path.join(pypi.cache_dir(), "go-build"))
    return tap.run(["nice", shutil.which("go"), *arguments], 180, env=env, cwd=directory, **options)


def go_sizes(path, directory, name):
    """The same samples written by Go's pprof: bytes as gzipped at Go's two levels, or None."""
    anew = os.path.join(directory, "go.pb.gz")
    result = go(directory, "tool", "pprof", "-symbolize=none", "-proto", "-output", anew, path)
    if not tap.check(f"{name}: Go's pprof writes the samples anew", result.returncode == 0, result):
        return None
    before, after = (pprof_file.Profile(p).ticks() for p in (path, anew))
    tap.check_equal(f"{name}: Go's file has the same number of samples", after, before)
    with open(anew, "rb") as f:
        result = go(directory, "run", os.path.join(HERE, "go_gzip.go"), stdin=f.read(), text=False)
    if not tap.check(f"{name}: Go gzips it", result.returncode == 0, result):
        return None
    best_speed, default = map(int, result.stdout.split())
    return {"gzip 1": best_speed, "gzip 6": default}


def cost(path, name):
    result = tap.run([os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_wire"),
                      str(ROUNDS), path], 120)
    if not tap.check(f"{name}: the profile is encoded and compressed", result.returncode == 0, result):
        return None
    seen = json.loads(result.stdout)
    tap.check_equal(f"{name}: podo's reader and the tests' see the same samples", seen["samples"],
                    pprof_file.Profile(path).ticks())
    return seen


def print_table(name, seen, go_bytes):
    """Every compression: bytes a sample, and CPU of encode + compress a thousand samples."""
    samples = seen["samples"]
    print(f"| {name}: {samples} samples, {seen['stacks']} distinct; encoded without compression "
          f"{seen['otlp']['raw_bytes']} B as OTLP, {seen['pprof']['raw_bytes']} B as pprof; encoding "
          f"alone {seen['otlp']['encode_ns'] / samples:.0f} us and "
          f"{seen['pprof']['encode_ns'] / samples:.0f} us a 1,000 samples")
    print("| compression | OTLP, B | pprof, B | Go's pprof, B | OTLP, us | pprof, us |")
    for way, otlp in seen["otlp"]["ways"].items():
        pprof = seen["pprof"]["ways"][way]
        beside = f"{go_bytes[way] / samples:.1f}" if go_bytes and way in go_bytes else "-"
        print(f"| {way} | {otlp['bytes'] / samples:.1f} | {pprof['bytes'] / samples:.1f} | {beside} "
              f"| {cpu_us(seen, 'otlp', way):.0f} | {cpu_us(seen, 'pprof', way):.0f} |", flush=True)


def cpu_us(seen, form, way):
    """Microseconds a 1,000 samples, of encode and compress."""
    own = seen[form]
    return (own["encode_ns"] + own["ways"][way]["compress_ns"]) / seen["samples"]


def record(name, seen, go_bytes):
    samples = seen["samples"]

    def each(form, way):
        return f"{seen[form]['ways'][way]['bytes'] / samples:.1f}"

    beside = "Go's pprof was not measured"
    if go_bytes:
        beside = (f"Go's pprof {go_bytes['gzip 6'] / samples:.1f} B (gzip 6), "
                  f"{go_bytes['gzip 1'] / samples:.1f} B (gzip 1)")
    figures.record(f"bytes a sample on the wire, {name}",
                   f"OTLP {each('otlp', 'gzip 6')} B gzip, {each('otlp', 'zstd 3')} B zstd; "
                   f"pprof {each('pprof', 'gzip 6')} B gzip", beside, "reported",
                   f"({samples} samples)", seen=seen, go_bytes=go_bytes)
    figures.record(f"CPU of encode + compress, 1,000 samples, {name}",
                   f"OTLP {cpu_us(seen, 'otlp', 'gzip 6') / 1000:.2f} ms gzip, "
                   f"{cpu_us(seen, 'otlp', 'zstd 3') / 1000:.2f} ms zstd; "
                   f"pprof {cpu_us(seen, 'pprof', 'gzip 6') / 1000:.2f} ms gzip",
                   "-", "reported", f"(median of {ROUNDS} rounds)")


def record_peak(peaks):
    """The largest of all profiles and formats: heap of encode and compress above the profile."""
    (profile, form), most = max(peaks.items(), key=lambda item: item[1])
    figures.record("peak heap of encode + compress", f"{most / 2**20:.2f} MiB ({form}, {profile})",
                   f"least {min(peaks.values()) / 2**20:.2f} MiB", f"<= {PEAK_GOAL >> 20} MiB",
                   "meets its goal" if most <= PEAK_GOAL else "misses its goal",
                   peaks={f"{p}: {f}": b for (p, f), b in peaks.items()})


def main():
    directory = tap.temp_dir()
    known = programs.Programs(directory)
    has_go = shutil.which("go") is not None
    if not has_go:
        tap.skip("the same samples by Go's pprof", "go")
    peaks = {}
    for program in windows.NAMES:
        if tool := windows.missing(program, known, directory):
            tap.skip(f"{program}: bytes on the wire", tool)
            continue
        for symbolize, kind in KINDS.items():
            name = f"{program}, {kind}"
            path = windows.first(program, known, directory, symbolize)
            if not tap.check(f"{name}: a whole window was written", path):
                continue
            if (seen := cost(path, name)) is None:
                continue
            go_bytes = go_sizes(path, directory, name) if has_go else None
            print_table(name, seen, go_bytes)
            record(name, seen, go_bytes)
            for form, most in seen["peak_bytes"].items():
                print(f"| peak heap, {form}: {most / 1024:.0f} KiB", flush=True)
                peaks[name, form] = most
    if peaks:
        record_peak(peaks)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
