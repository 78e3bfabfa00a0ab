#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Simulates 100,000 instances and draws docs/scale.png; prints the table of docs/scale.md.

By hand, some minutes: `python3 tests/sim/draw_scale.py` after a build; needs chromium for the picture.
"""

import os
import subprocess
import sys

import scenarios
from scenarios import OUTAGE, rates, tap

FLEET = 100_000
WIDTH, HEIGHT, LEFT, TOP, PANEL = 1100, 940, 90, 40, 250
ACCEPTED, REFUSED = "#0072b2", "#d55e00"


def polyline(values, seconds, top, scale, colour):
    """One line a panel; of every pixel's seconds the largest value, so that no peak is lost."""
    step = max(1, seconds // (WIDTH - LEFT - 40))
    points = []
    for i in range(0, len(values), step):
        x = LEFT + (WIDTH - LEFT - 40) * i / seconds
        points.append(f"{x:.1f},{top + PANEL - PANEL * max(values[i:i + step]) / scale:.1f}")
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{" ".join(points)}"/>'


def panel(number, title, result, outage=None):
    top = TOP + number * (PANEL + 55)
    seconds = len(result["seconds"])
    scale = 1.1 * max(max(rates(result, 0, seconds)), 2 * FLEET / scenarios.INTERVAL_S)
    parts = [f'<text x="{LEFT}" y="{top - 10}" font-size="17" font-weight="bold">{title}</text>']
    if outage:
        left, right = (LEFT + (WIDTH - LEFT - 40) * t / seconds for t in outage)
        parts.append(f'<rect x="{left}" y="{top}" width="{right - left}" height="{PANEL}" fill="#eee"/>'
                     f'<text x="{left + 8}" y="{top + 20}" font-size="14">no gateway</text>')
    for thousands in range(0, int(scale / 1000) + 1, 10):
        y = top + PANEL - PANEL * thousands * 1000 / scale
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 40}" y1="{y}" y2="{y}" stroke="#ccc"/>'
                     f'<text x="{LEFT - 8}" y="{y + 5}" font-size="14" text-anchor="end">{thousands * 1000:,}</text>')
    unit, name = (60, "min") if seconds > 600 else (1, "s")
    for i in range(0, 7):
        x = LEFT + (WIDTH - LEFT - 40) * i / 6
        parts.append(f'<text x="{x}" y="{top + PANEL + 20}" font-size="14" text-anchor="middle">'
                     f'{seconds * i / 6 / unit:.0f} {name}</text>')
    parts.append(polyline(rates(result, 0, seconds), seconds, top, scale, REFUSED))
    parts.append(polyline(rates(result, 0, seconds, 1), seconds, top, scale, ACCEPTED))
    return "".join(parts)


def draw(panels):
    legend = (f'<text x="{WIDTH - 40}" y="24" font-size="15" text-anchor="end">requests a second: '
              f'<tspan fill="{ACCEPTED}" font-weight="bold">accepted</tspan>, '
              f'<tspan fill="{REFUSED}" font-weight="bold">all that arrived</tspan></text>')
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
           f'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>'
           f'{legend}{"".join(panels)}</svg>')
    folder = tap.temp_dir()
    page = os.path.join(folder, "scale.html")
    with open(page, "w", encoding="utf-8") as file:
        file.write(f'<!doctype html><body style="margin:0">{svg}</body>')
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}",
                    f"--screenshot={tap.source_dir()}/docs/scale.png", f"file://{page}"],
                   check=True, stderr=subprocess.DEVNULL)


def row(name, values):
    print(f"| {name} | {sum(values) / len(values):,.0f} | {max(values):,} |", flush=True)


print("| when | mean requests/s | highest second |\n|---|---|---|")
steady, restart = scenarios.steady(FLEET), scenarios.restart(FLEET)
row("steady", rates(steady, 20, 120))
row("all processes started in one instant, after the first window", rates(restart, 20, 120))
storm = scenarios.outage(FLEET)
begin, end = OUTAGE
row("the two minutes after the gateway went away (refused connections)", rates(storm, begin, begin + 120))
row("the rest of the hour without it (refused connections)", rates(storm, begin + 120, end))
row("the first two minutes of its return", rates(storm, end, end + 120))
row("while the backlog drains", rates(storm, end + 120, end + 3300))
row("afterwards", rates(storm, 8000, 8400))
drained = next(t for t in range(end, 8400) if t > end + 600 and storm["seconds"][t][2] < 0.02 * FLEET / 10)
print(f"backlog drained {(drained - end) / 60:.0f} minutes after the return; lost {storm['lost']}")
draw([panel(0, "Steady: 100,000 instances, one window every 10 s", steady),
      panel(1, "All processes started in the same instant", restart),
      panel(2, "An hour without the gateway", storm, OUTAGE)])
sys.exit(0)
