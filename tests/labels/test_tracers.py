#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 120
"""Links from the thread contexts of other tracers (OTEP 4947), and what podo publishes itself."""

import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import truth  # noqa: E402
from truth import tap  # noqa: E402

TRACE, OWN = "ab01" + "0" * 28, "77" + "0" * 30


def links(run):
    """Per burning function: the trace ids of its samples, by count."""
    found = {"traced": {}, "untraced": {}, "scoped": {}}
    for function, sample, count in run.burning():
        trace = sample.labels.get("trace_id")
        found[function][trace] = found[function].get(trace, 0) + count
    return found


def check_program():
    run = truth.Run("tracer", "own")
    if not run.check_ended():
        return
    seen = links(run)
    tap.check("a tracer in the program links the samples of its spans, each of them",
              set(seen["traced"]) == {TRACE}, seen)
    tap.check("outside its spans nothing is linked", set(seen["untraced"]) == {None}, seen)
    tap.check("podo's own spans are linked beside it", set(seen["scoped"]) == {OWN}, seen)
    tap.check_equal("the tracer's variable is left alone", run.facts.get("tracers_variable_kept"), 1)
    tap.check("the log says whose contexts are read",
              "thread contexts of the program" in run.result.stderr, run.result)


def check_bad_records():
    for mode, sentence in (("wild", "a record that is not memory is no link and no crash"),
                           ("invalid", "a record that is being changed is no link")):
        run = truth.Run("tracer", mode)
        if run.check_ended():
            seen = links(run)
            tap.check(sentence, seen["traced"] and set(seen["traced"]) == {None}, seen)


LIBRARY = os.path.join(tap.build_dir(), "tests", "labels", "labels_tracer_library.so")


def check_late():
    run = truth.Run("late_tracer", "own", LIBRARY)
    if not run.check_ended():
        return
    seen = links(run)
    tap.check("a tracer that comes by dlopen finds podo's variable, and its spans are linked",
              set(seen["traced"]) == {TRACE} and set(seen["untraced"]) == {None}, seen)
    tap.check("podo's own spans are linked beside it", set(seen["scoped"]) == {OWN}, seen)


def check_unreadable():
    """Under the preload library podo's variable is nobody's; the tracer has its own, from malloc."""
    preload = os.path.join(tap.build_dir(), "lib", "libpodo_preload.so")
    run = truth.Run("preload_tracer", "own", LIBRARY, LD_PRELOAD=preload, PODO_INTERVAL="100ms")
    if not run.check_ended():
        return
    seen = links(run)
    tap.check("a tracer outside static thread-local storage is not read in the signal",
              seen["traced"] and set(seen["traced"]) == {None}, seen)
    tap.check("that is said once", run.result.stderr.count("is not in static TLS") == 1, run.result)


def check_thread_labels():
    for wanted, names in ((None, {None}), ("name,id", {"labels_tracer"})):
        run = truth.Run("tracer", "own", **({"PODO_THREAD_LABELS": wanted} if wanted else {}))
        if run.check_ended():
            seen = {sample.labels.get("thread_name") for _, sample, _ in run.burning()}
            tap.check(f"PODO_THREAD_LABELS={wanted}: samples are labelled with the thread "
                      f"{names}", seen == names, seen)


def published(pid):
    """(resource and key map) bytes of the process context of another process."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        found = [line for line in maps if "OTEL_CTX" in line]
    if len(found) != 1:
        return None
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(int(found[0].split("-")[0], 16))
        name, version, size, at, payload = struct.unpack("<8sIIQQ", memory.read(32))
        if name != b"OTEL_CTX" or version != 2 or at == 0:
            return None
        memory.seek(payload)
        return memory.read(size)


def check_published():
    """Read from outside, as an eBPF profiler does."""
    program = os.path.join(tap.build_dir(), "tests", "labels", "labels_stress")
    env = tap.clean_environment(PODO_SERVICE_NAME="checkout", PODO_INTERVAL="200ms", PODO_LABELS="a=b",
                                PODO_EXPORT=f"file://{tap.temp_dir()}/")
    with subprocess.Popen([program, "storm", "5"], env=env, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as child:
        try:
            payload, until = None, time.monotonic() + 20
            while time.monotonic() < until and child.poll() is None:
                payload = published(child.pid)
                if payload and b"endpoint" in payload:
                    break
        finally:
            child.kill()
    tap.check("the process context says service, labels and the keys of thread records",
              payload and all(word in payload for word in (
                  b"service.name", b"checkout", b"threadlocal.attribute_key_map", b"endpoint")), payload)


check_program()
check_bad_records()
check_late()
check_unreadable()
check_thread_labels()
check_published()
sys.exit(tap.done())
