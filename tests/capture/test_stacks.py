#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 1800
"""Stacks of every kind: fibers, signal frames, corruption, depth; descriptors and children."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import profiled  # noqa: E402
import tap  # noqa: E402

LONG = os.environ.get("PODO_TEST_LONG") == "1"
COMPLETE, TRUNCATED, UNKNOWN, OUTSIDE, FRAME_POINTER, FOREIGN = 1, 2, 4, 16, 32, 64


def program(name):
    return os.path.join(tap.build_dir(), "tests", "capture", "capture_stacks_" + name)


def facts_of(result):
    return {k: int(v) for k, v in re.findall(r"^(\w+)=(-?\d+)$", result.stdout, re.MULTILINE)}


def probe(scenario, sentence):
    """Runs single walks; returns ({name: (flags, frames, at the bottom)}, facts, result)."""
    result = tap.run([program("probe"), scenario], 60, env=tap.clean_environment())
    facts = facts_of(result)
    tap.check(sentence, result.returncode == 0 and facts.get("done") == 1, result)
    seen = {name: (int(flags), int(frames), bottom == "1") for name, flags, frames, bottom in re.findall(
        r"^seen (\S+) (\d+) (\d+) (\d) \d$", result.stdout, re.MULTILINE)}
    return seen, facts, result


def signal_frames():
    seen, _, result = probe("signals", "signal handlers of every kind can be sampled")
    for name in ("sample-on-alternate-stack", "handler-on-alternate-stack", "handler-on-own-stack",
                 "nested-handlers", "fault-then-jump", "after-jump"):
        flags, _, bottom = seen.get(name, (0, 0, False))
        tap.check(f"{name}: the stack crosses the signal frames down to its root",
                  flags & COMPLETE and bottom, result)
    flags, frames, _ = seen.get("thread-overflow", (0, 0, False))
    tap.check("thread-overflow: the stack of a SIGSEGV handler crosses the overflowed stack to its root",
              flags & COMPLETE and frames > 100, result)
    flags, frames, _ = seen.get("thread-overflow-one-frame", (0, 0, False))
    tap.check("thread-overflow-one-frame: sp far outside the stack ends the walk, flagged",
              flags & OUTSIDE and not flags & COMPLETE and frames >= 4, result)
    flags, frames, _ = seen.get("main-overflow", (0, 0, False))
    tap.check("main-overflow: the stack of a SIGSEGV handler crosses the overflowed stack of main",
              flags & TRUNCATED and frames == 256, result)


def corruption():
    seen, facts, result = probe("corruption", "corrupted registers and stacks do no harm")
    tap.check_equal("20,000 randomly corrupted stacks were walked", facts.get("rounds"), 20000)
    tap.check("an untouched stack reaches the root", seen.get("untouched", (0, 0, 0))[0] == COMPLETE,
              result)
    for name, (flags, frames, bottom) in seen.items():
        if name != "untouched" and not name.startswith(("return-zero", "rsp-after-hole",
                                                        "return-unaligned-fp")):
            tap.check(f"{name}: the stack is short and flagged, not passed off as complete",
                      not flags & COMPLETE and frames < 8, result)


def generated_code():
    seen, _, result = probe("generated", "code without unwind information can be sampled")
    flags, _, bottom = seen.get("generated-with-frame-pointer", (0, 0, False))
    tap.check("generated code with frame pointers: the stack reaches its root, flagged",
              flags & COMPLETE and flags & FRAME_POINTER and bottom, result)
    flags, frames, _ = seen.get("generated-without-frame-pointer", (0, 0, False))
    tap.check("generated code without frame pointers: the stack ends there, flagged",
              flags & (UNKNOWN | FRAME_POINTER) and frames >= 2, result)


def depth_and_margin():
    seen, facts, result = probe("depth", "a recursion of 10,000 frames can be sampled")
    flags, frames, _ = seen.get("deep", (0, 0, False))
    tap.check("10,000 frames: cut at the limit and marked as truncated",
              flags & TRUNCATED and frames == 256, result)
    p50, p99 = facts.get("p50_ns", 0), facts.get("p99_ns", 0)
    tap.check("10,000 frames: the handler takes less than 50 us for 256 of them", 0 < p50 < 50000,
              result)
    print(f"# handler at 256 frames: p50 {p50} ns, p99 {p99} ns")
    _, facts, result = probe("margin", "the least free stack of a sample can be found")
    empty, sample = facts.get("empty_bytes", 0), facts.get("sample_bytes", 0)
    tap.check("a sample survives with AT_MINSIGSTKSZ + 1 KiB of free stack",
              0 < sample <= facts.get("minsigstksz", 0) + 1024, result)
    tap.check("a sample needs at most 1 KiB of stack beyond what an empty handler needs",
              0 < empty and sample <= empty + 1024, result)
    print(f"# free stack: empty handler {empty} B, sample {sample} B, "
          f"AT_MINSIGSTKSZ {facts.get('minsigstksz')} B")


def alternate_stacks():
    _, facts, result = probe("room", "alternate stacks with ever less room can be met by a tick")
    rounds, taken, skipped = (facts.get(k, 0) for k in ("rounds", "taken", "small_stack"))
    tap.check(f"{rounds} ticks on an alternate stack, until the kernel's frame does not fit: not a byte below it is written",
              rounds >= 200 and facts.get("spoiled") == 0 and facts.get("ended_by_kernel") == 1, result)
    tap.check(f"each of them is sampled ({taken}) or counted as too near the end ({skipped}); both were met",
              taken > 0 and skipped > 0 and taken + skipped == rounds == facts.get("ticks"), result)
    tap.check("those that are not sampled are the last 1 KiB in which the kernel's frame fits",
              facts.get("taken_after_skip") == 0 and 1024 - 64 <= facts.get("span_of_skipped", 0) <= 1024 + 64, result)


def storm(scenario, size, sentence, end=0, deadline=120, **changes):
    directory = tap.temp_dir()
    settings = {"PODO_EXPORT": f"file://{directory}/run.folded", "PODO_LOG": "info",
                "PODO_SAMPLE_HZ": "250", "PODO_SYMBOLIZE": "functions", "PODO_EXIT_TIMEOUT": "20s"}
    result = tap.run([program("storm"), scenario, str(size)], deadline,
                     env=tap.clean_environment(**{**settings, **changes}))
    facts = facts_of(result)
    profile = profiled.read(directory, result.stderr)
    tap.check(sentence, result.returncode == end and facts.get("done") == 1, result)
    tap.check(f"{scenario}: every tick is taken or dropped for a named cause", profile.accounts(),
              result)
    return profile, facts, result


def fibers():
    size = 60000 if LONG else 1500
    kinds = {"fibers-8k": "ucontext_fiber_entry", "fibers-16k": "ucontext_fiber_entry",
             "boost-8k": "boost_fiber_entry", "boost-16k": "boost_fiber_entry"}
    for name, entry in kinds.items():
        profile, _, result = storm(name, size, f"{name}: fibers beside stacks that come and go")
        inside = profile.with_frame("stacks_leaf")
        reached = sum(n for s, n in profile.samples.items() if "stacks_leaf" in s and entry in s)
        tap.check(f"{name}: 99.9 % of at least 200 stacks reach the fiber's entry",
                  inside >= 200 and reached >= 0.999 * inside, f"{reached} of {inside}\n{result}")
        if entry.startswith("ucontext"):
            tap.check(f"{name}: the entry of a fiber is the root of a complete stack",
                      profile.reached_root() >= 0.99, profile.summary())
        print(f"# {name}: {reached} of {inside} reach the entry, {100 * profile.reached_root():.2f} % "
              f"complete, residue {profile.totals.get('residue')}")


def arena():
    profile, facts, result = storm("arena", 1000 if LONG else 20,
                                   "threads on stacks carved out of an arena that comes and goes")
    inside = profile.with_frame("stacks_leaf")
    reached = sum(n for s, n in profile.samples.items()
                  if "stacks_leaf" in s and "arena_thread_entry" in s and s.startswith("clone"))
    tap.check("arena: 99.9 % of at least 500 stacks reach their root",
              inside >= 500 and reached >= 0.999 * inside, f"{reached} of {inside}\n{result}")
    tap.check("arena: 20 threads at least ran there", facts.get("arena_threads", 0) >= 20, result)


def descriptors_and_children():
    _, facts, result = storm("descriptors", 30000 if LONG else 1500,
                             "a program closes all descriptors and uses their numbers anew",
                             PODO_EXPORT="off")
    tap.check("descriptors: every byte the program wrote arrived, and none else",
              facts.get("bytes", 0) > 100000 and facts.get("wrong") == 0, result)
    tap.check_equal("descriptors: podo opens none", facts.get("new_descriptors"), 0)
    _, facts, result = storm("children", 300 if LONG else 10,
                             "fork, vfork, posix_spawn and system under a storm")
    tap.check("children: all of them end well",
              facts.get("bad") == 0 and facts.get("children", 0) >= 40, result)
    storm("raw-clone", 200 if LONG else 10, "kernel threads that share one thread block do no harm")


def execs():
    repeats = 1000 if LONG else 20

    def run(how, clock):
        return tap.run([program("storm"), how, "1"], 60,
                       env=tap.clean_environment(PODO_EXPORT="off", PODO_SAMPLE_HZ="250", PODO_CLOCK=clock))
    for how, clock, sentence in (
            ("exec-stop", "itimer", "itimer: Stop, then exec"),
            ("exec-prepare", "itimer", "itimer: PrepareExec, a failed exec, PrepareExec, exec"),
            ("exec-prepare", "auto", "auto: PrepareExec, a failed exec, PrepareExec, exec"),
            ("exec-bare", "process", "process: a bare exec"), ("exec-bare", "thread", "thread: a bare exec")):
        bad = [r for r in (run(how, clock) for _ in range(repeats)) if r.returncode != 0]
        tap.check(f"{sentence}: the new program survives, {repeats} of {repeats}", not bad,
                  "\n".join(str(result) for result in bad[:3]))
    died = sum(run("exec-bare", "itimer").returncode == -27 for _ in range(3))
    tap.check("itimer: a bare exec is killed by SIGPROF, as documented: the test can tell", died >= 1)


def main():
    signal_frames()
    corruption()
    generated_code()
    depth_and_margin()
    alternate_stacks()
    fibers()
    arena()
    descriptors_and_children()
    execs()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
