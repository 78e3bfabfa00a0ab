#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""All figures of build/bench/results.json as one table; the last script of the suite."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import figures  # noqa: E402


def main():
    rows = figures.read_rows()
    tap.check(f"the figures measured so far stand in build/bench/results.json: {len(rows)}", rows)
    if rows:
        print("\n".join(figures.table(rows)))
        first = min(row["measured"] for row in rows.values())
        last = max(row["measured"] for row in rows.values())
        loads = [row["load"] for row in rows.values()]
        print(f"| measured {first} to {last} on {os.cpu_count()} cores; load average "
              f"{min(loads):.1f} to {max(loads):.1f}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
