#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 600
"""What history and HTTP server cost a service that nobody asks: CPU and memory, beside the same service without them."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import figures  # noqa: E402
import tap  # noqa: E402
from linked_service import Service  # noqa: E402

RUN_S = 4
WINDOW_S = 0.5  # shorter than the usual 10 s, so that there are windows to measure
USUAL_WINDOW_S = 10
HISTORY_MIB = 16  # PODO_HISTORY_BYTES unless set


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def once(**settings):
    """CPU time of podo's threads a window, in ns, and resident memory, in KiB."""
    directory = os.path.join(tap.temp_dir(), "profiles")
    # Without names: a library whose names are asked for first at some tick costs more than all of this.
    service = Service(port=1, PODO_EXPORT=f"file://{directory}/", PODO_INTERVAL=f"{int(WINDOW_S * 1000)}ms",
                      PODO_SYMBOLIZE="none", **settings)
    time.sleep(1.5)  # the first window is dearer
    before = service.ask()
    time.sleep(RUN_S)
    after = service.ask()
    resident = resident_kib(service.child.pid)
    tap.kill(service.child)
    return (after["own_cpu_ns"] - before["own_cpu_ns"]) / max(1, after["windows"] - before["windows"]), resident


def main():
    without, listening, again = [], [], []
    for _ in range(figures.PAIRS):
        without.append(once())
        listening.append(once(PODO_LISTEN=f"127.0.0.1:{tap.free_port()}"))
        again.append(once())
    added = figures.Spread([a[0] - b[0] for a, b in zip(listening, without)])
    noise = figures.Spread([a[0] - b[0] for a, b in zip(again, without)])
    share = 100 * added.median / (USUAL_WINDOW_S * 1e9)
    goal = 0.02
    wide = 100 * max(abs(noise.low), abs(noise.high)) / (USUAL_WINDOW_S * 1e9)
    figures.record("CPU of history and server with nobody asking, of a core, at a window each 10 s",
                   f"{share:.4f} %", f"{added.text('{:.0f}', ' ns')} a window; A/A {noise.text('{:.0f}', ' ns')}",
                   f"<= {goal} %", figures.judge(share, goal, added.count, share, wide), added=added, noise=noise)
    memory = figures.Spread([(a[1] - b[1]) / 1024 for a, b in zip(listening, without)])
    control = figures.Spread([(a[1] - b[1]) / 1024 for a, b in zip(again, without)])
    figures.record("memory of history and server with nobody asking", memory.text("{:.2f}", " MiB"),
                   f"A/A {control.text('{:.2f}', ' MiB')}; what the windows take is in it", f"<= 2 MiB and {HISTORY_MIB} MiB",
                   figures.judge(memory.median, 2 + HISTORY_MIB, memory.count), memory=memory, control=control)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
