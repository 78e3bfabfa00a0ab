#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 1500
"""How long the page of a process takes to its first flame graph of an hour and of a day, and to a difference: a real process with a
day of history on disk, a real browser."""

import json
import os
import shutil
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "page"))
import tap  # noqa: E402

import figures  # noqa: E402
import programs  # noqa: E402
import windows  # noqa: E402

RECORDED_S = 60
HOURS = 25
TICKS = 2000  # a window of 10 s of two busy cores at 100 Hz
SERVICE = os.path.join(tap.build_dir(), "tests", "interop", "podo_service_case")
HOUR_MS = 3600_000


class Process:
    """A service that took over a day of history."""

    def __init__(self, history):
        self.port = tap.free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.child = tap.start([SERVICE], stdin=-1, stdout=-3, text=True, env=tap.clean_environment(
            PODO_LISTEN=f"127.0.0.1:{self.port}", PODO_HISTORY_DIR=history, PODO_SERVICE_NAME="bench"))

    def status(self):
        try:
            with urllib.request.urlopen(self.url + "api/v1/status", timeout=10) as answer:
                return json.loads(answer.read())["history"]
        except OSError:
            return None


def shown(browser, query):
    """Milliseconds from opening the page to the graph, and to the answer alone."""
    browser.go(query, wait="return podo.explorer.answer !== null && podo.explorer.data !== null")
    browser.idle()
    timing = browser.js("return podo.explorer.timing")
    return timing["shownAtMs"], timing["askMs"]


def measure(name, browser, frames_of):
    now = int(time.time() * 1000)
    both = f"?span=86400&from={now - 2 * HOUR_MS}&until={now - HOUR_MS}&base_from={now - 20 * HOUR_MS}&base_until={now - 19 * HOUR_MS}"
    for what, query in (("an hour", "?span=3600"), ("a day", "?span=86400"), ("a difference of two hours", both)):
        rows = [shown(browser, query) for _ in range(figures.PAIRS // 4)]
        first, asked = (figures.Spread([row[i] for row in rows]) for i in (0, 1))
        figures.record(f"first flame graph of {what}, {name}", first.text("{:.0f}", " ms"),
                       f"of it the answer {asked.text('{:.0f}', ' ms')}; {frames_of()} frames", "reported", "", first=first, asked=asked)


def main():
    for tool in ("chromium", "chromedriver"):
        if not shutil.which(tool):
            tap.skip("time to the first flame graph", tool)
            return tap.done()
    from test_explorer import Explorer
    directory = tap.temp_dir()
    known = programs.Programs(directory)
    for name in ("rocksdb", "clang++"):
        if tool := windows.missing(name, known, directory):
            tap.skip(f"{name}: time to the first flame graph", tool)
            continue
        files = windows.record(name, known, directory, RECORDED_S)
        history = os.path.join(directory, f"{name}-history")
        made = tap.run([os.path.join(tap.build_dir(), "tests", "bench", "podo_bench_history"), f"DIRECTORY={history}", str(HOURS),
                        str(TICKS), *files], 600)
        process = Process(history)
        kept = tap.wait_until(lambda: (process.status() or {}).get("windows", 0) > 24 and process.status(), 30)
        if not tap.check(f"{name}: a day of history is taken over", made.returncode == 0 and kept, f"{made} {kept}"):
            continue
        browser = Explorer(directory, process)
        browser.screen(1440, 900)
        measure(name, browser, lambda b=browser: b.js("return podo.tree.nodeCount - 1"))
        browser.driver.quit()
        tap.kill(process.child)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
