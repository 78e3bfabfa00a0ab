#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 900
"""The walk agrees with libunwind: at every instruction of real code, and in samples of it."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

LONG = os.environ.get("PODO_TEST_LONG") == "1"
STEPS = "100000" if LONG else "12000"  # of one load at most
CENSUS = "20000" if LONG else "800"   # samples of one load


def oracle(binding, *arguments, **environment):
    program = os.path.join(tap.build_dir(), "tests", "capture", "capture_oracle_" + binding)
    result = tap.run([program, *arguments], 240, env=tap.clean_environment(**environment))
    facts = {k: int(v) for k, v in re.findall(r"^(\w+)=(\d+)$", result.stdout, re.MULTILINE)}
    name = " ".join((binding, *arguments[:1]))
    tap.check(f"{name}: the program ends well", result.returncode == 0 and facts.get("done") == 1,
              result)
    return facts, result


def step(binding, mode, least, **environment):
    facts, result = oracle(binding, mode, STEPS, **environment)
    seen, root = facts.get("seen", 0), facts.get("root", 0)
    name = f"{binding} {mode}"
    tap.check(f"{name}: at least 60,000 instructions were stepped", seen >= 60000, result)
    tap.check(f"{name}: {100 * least:.2f} % of the stacks reach their root, libunwind's part included",
              seen and root >= least * seen and "tickets_lost" not in facts,
              f"{root} of {seen}\n{result}")
    tap.check_equal(f"{name}: no stack differs from libunwind's unless it is flagged",
                    facts.get("differ"), 0)
    print(f"# {name}: {root} of {seen} reach the root, {facts.get('residue')} through libunwind, "
          f"{facts.get('oracle_short')} beyond what libunwind's local unwinder finds")


def census():
    facts, result = oracle("lazy", "census", CENSUS)
    seen = max(1, facts.get("seen", 0))
    same = facts.get("same", 0) / seen
    tap.check("samples of running code: six kinds of it, regex, zstd and OpenSSL among them",
              facts.get("loads") == 6, result)
    tap.check("samples of running code: 99.5 % are identical to libunwind's", same >= 0.995,
              f"{100 * same:.3f} %\n{result}")
    tap.check_equal("samples of running code: what differs is flagged", facts.get("differ"), 0)
    print(f"# census: {100 * same:.3f} % of {seen} identical, {facts.get('flagged')} flagged")


def main():
    step("now", "step", 0.9999, LD_BIND_NOW="1")
    step("lazy", "step", 0.9999)
    step("lazy", "step-thread", 0.9999)
    facts, result = oracle("lazy", "step-bare", STEPS)
    tap.check("code without unwind information: stacks that do not reach the root are flagged",
              facts.get("seen", 0) > 1000 and facts.get("differ") == 0, result)
    census()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
