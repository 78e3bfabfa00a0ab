#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 120
"""A service's own transport: what it gets, and what becomes of what it answers."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

CASE = os.path.join(tap.build_dir(), "tests", "export", "podo_sink_case")


def run(form, cpu_ms, *answers):
    """The attempts, the closing statistics, whether the sink was released, and the log."""
    result = tap.run([CASE, form, str(cpu_ms), *answers], 60, env=tap.clean_environment())
    lines = [json.loads(l) for l in result.stdout.splitlines()]
    attempts = [l for l in lines if "answer" in l]
    released = sum("released" in l for l in lines) - 1  # the one that was not accepted
    return attempts, next(l for l in lines if "windows" in l), released, result.stderr


def accounts(stats, attempts):
    return stats["written"] + stats["errors"] == len(attempts)


for form, kind, encoding, magic in (("otlp", "application/x-protobuf", "gzip", "1f8b"),
                                    ("pprof", "application/octet-stream", "", "1f8b")):
    attempts, stats, released, log = run(form, 900, "delivered")
    tap.check(f"{form}: every window is sent once, and the sink is released by Stop",
              stats["written"] == len(attempts) >= 3 and stats["lost"] == 0 and released == 1
              and accounts(stats, attempts) and not log, f"{stats} {released} {log}")
    tap.check(f"{form}: the payload says what it is",
              all((a["type"], a["encoding"], a["begin"]) == (kind, encoding, magic) for a in attempts), attempts)
    tap.check(f"{form}: every profile has an id of its own",
              len({a["id"] for a in attempts}) == len(attempts) and "0" * 32 not in {a["id"] for a in attempts},
              attempts)
    tap.check(f"{form}: a name or a sink that is missing is refused with a reason",
              "name is empty" in stats["empty"] and "send is missing" in stats["null"], stats)

attempts, stats, _, log = run("otlp", 1500, "later", "throws", "delivered")
tap.check("what could not be sent, or threw, is sent again with the same bytes and id",
          len({(a["hash"], a["id"]) for a in attempts[:3]}) == 1 and stats["errors"] == 2
          and stats["retried"] >= 2, f"{attempts} {stats}")
tap.check("nothing is sent twice after its yes",
          len({a["id"] for a in attempts if a["answer"] == "delivered"}) == stats["written"], attempts)
tap.check("nothing is lost", stats["lost"] == 0 and accounts(stats, attempts), stats)
tap.check("the log tells each cause and the end of trouble, by a printable name",
          [l for l in log.splitlines()] == ["podo: sink own transport: the queue is away",
                                            "podo: sink own transport: thrown words",
                                            "podo: sink own transport works again after 2 failed attempts"], log)
tap.check_equal("the statistics have the last error's words", stats["last_error"],
                "own transport: thrown words")

attempts, stats, _, log = run("pprof", 700, "refused")
tap.check("what is refused is not sent again, lost and counted",
          len({a["id"] for a in attempts}) == len(attempts) == stats["refused"] == stats["lost"]
          and stats["written"] == 0, f"{attempts} {stats}")
tap.check_equal("and told once, on one line", log, "podo: sink own transport: no such queue\n")

attempts, stats, _, log = run("otlp", 700, "hangs")
tap.check("a sink that hangs holds up Stop no longer than its timeout",
          len(attempts) == 1 and stats["stopped"] == 7 and stats["stop_ms"] <= 2500, stats)

attempts, stats, released, log = run("otlp", 700, "stops")
tap.check("a sink that stops podo is refused, and Stop by the service works", stats["stopped"] == 0 and released == 1
          and "called on a thread of podo: by a sink" in log, f"{stats} {released} {log}")

for answer in ("delivered", "hangs"):
    result = tap.run([CASE, "otlp", "300", answer], 60,
                     env=tap.clean_environment(CASE_LEAVES="1", PODO_EXIT_TIMEOUT="1s"))
    tap.check(f"a process whose threads have all left ends, and its last window is offered to a sink that {answer}",
              result.returncode == 0 and not result.timed_out and '"answer": ' in result.stdout, result)

sys.exit(tap.done())
