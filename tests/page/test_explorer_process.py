#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The page of a real process in a real browser: a request turns slow, the page names the function."""
# deadline: 120

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

from test_explorer import Hands  # noqa: E402

DEADLINE_S = 90
PROGRAM = os.path.join(tap.build_dir(), "tests", "interop", "podo_service_case")
WINDOWS = 10  # of a second, before and after


class Process:
    """podo_service_case with its page; what Explorer wants of a mock."""

    def __init__(self):
        self.port = tap.free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.child = tap.start([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                               env=tap.clean_environment(PODO_LISTEN=f"127.0.0.1:{self.port}", PODO_INTERVAL="1s",
                                                         PODO_SERVICE_NAME="checkout"))

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.read(), answer.headers
        except OSError:
            return None, None

    def windows(self):
        body, _ = self.get("api/v1/status")
        return json.loads(body)["history"]["windows"] if body else 0

    def make_slow(self):
        self.child.stdin.write("slow\n")
        self.child.stdin.flush()


def check_policy(process, directory):
    tap.wait_until(lambda: process.get("healthz")[0], 20)
    page, headers = process.get("")
    with open(f"{directory}/explorer.html", "rb") as whole, open(f"{directory}/explorer.policy", encoding="utf-8") as policy:
        tap.check("the process serves the page, under its policy", page == whole.read()
                  and headers and headers["Content-Security-Policy"] == policy.read(), headers)


def check_slow(b, process):
    b.screen(1440, 900)
    b.go()
    tap.wait_until(lambda: process.windows() >= WINDOWS, 40)
    process.make_slow()
    tap.wait_until(lambda: process.windows() >= 2 * WINDOWS + 2, 40)
    b.js("podo.explorer.poll()")
    b.until("return podo.timeline.points.length >= arguments[0]", 2 * WINDOWS)
    b.click("#follow")  # the line holds still under the drags
    b.idle()
    points = b.js("return podo.timeline.points.map(({ t, d }) => [t, t + d])")
    b.drag((points[WINDOWS + 3][0] + points[WINDOWS + 3][1]) / 2, sum(points[-2]) / 2)
    b.drag(sum(points[1]) / 2, sum(points[WINDOWS - 3]) / 2, shift=True)
    # Of two functions one's share is the other's loss, so the table begins with either.
    grown = """return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((row) => row.textContent)
        .filter((text) => text.includes('▲'))[0]"""
    row = b.js(grown, "#table")
    tap.check("the page of a real process names the function that got slow, with its line",
              row.startswith("RenderCartservice_case.cc:"), row)
    row = b.js(grown, "#label-table")
    tap.check("and the endpoint", row.startswith("/cart"), row)
    b.js("podo.page.labels.toggle('endpoint', '/pay')")
    b.idle()
    tap.check("a filter leaves the other endpoint only", b.js(
        "return podo.page.view.rows.every(({ name }) => !name.startsWith('RenderCart'))"))
    b.type_pattern("/c.*")
    tap.check("an expression of another endpoint leaves nothing", b.until(
        "return document.querySelector('#empty h2').textContent === 'No samples with these labels'"), b.text("#empty h2"))
    saved, headers = process.get(b.js("return document.getElementById('get-pprof').href").removeprefix(process.url))
    tap.check("the download is a pprof file", saved and saved[:2] == b"\x1f\x8b"
              and "attachment" in headers["Content-Disposition"], headers)
    tap.check_equal("a real process gives nothing to log, and no one else is asked", b.heard(), [])
    tap.kill(process.child)
    b.js("podo.explorer.poll()")
    tap.check("when the process ends, what is on the screen stays", b.until(
        "return document.getElementById('notice-text').textContent.startsWith('Lost connection')")
        and b.js("return podo.timeline.points.length") >= 2 * WINDOWS)
    b.driver.get_log("browser")


def main():
    for tool in ("chromium", "chromedriver"):
        if not shutil.which(tool):
            tap.skip("the page of a real process in a browser", tool)
            return tap.done()
    try:
        import selenium  # noqa: F401
    except ImportError:
        tap.skip("the page of a real process in a browser", "python3-selenium")
        return tap.done()
    directory = tap.temp_dir()
    made = tap.run([os.path.join(tap.build_dir(), "tests", "page", "podo_make_pages"), directory], 60)
    if not tap.check("the page is written", made.returncode == 0, made):
        return tap.done()

    def out_of_time(*_):
        raise TimeoutError(f"the browser took more than {DEADLINE_S} s")

    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(DEADLINE_S)
    browser = None
    process = Process()
    try:
        check_policy(process, directory)
        browser = Hands(directory, process)
        check_slow(browser, process)
    except Exception as error:  # a script error or a missing element is a failed check, not a traceback
        line = error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else 0
        tap.check("the browser follows the script to its end", False,
                  f"line {line}: {type(error).__name__}: {str(error).splitlines()[0]}")
    finally:
        signal.alarm(0)
        if browser:
            browser.close()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
