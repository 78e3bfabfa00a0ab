#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The page that a process serves, in a real browser, against a made-up process (mock_history.py)."""
# deadline: 240

import json
import os
import shutil
import signal
import sys
import time
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

import mock_history as mock  # noqa: E402
from test_page import Browser  # noqa: E402

DEADLINE_S = 200  # for all that the browser does
GOOD_MS = (mock.NOW_MS - 2 * mock.HOUR_MS, mock.NOW_MS - 2 * mock.HOUR_MS + 50 * 60_000)  # 10 AM
SLOW = f"?span=86400&from={mock.SLOW_MS[0]}&until={mock.SLOW_MS[1]}"
COMPARED = f"{SLOW}&base_from={GOOD_MS[0]}&base_until={GOOD_MS[1]}"
TOP = "document.querySelector('#table tbody tr')"


class Explorer(Browser):
    """The browser, on the page of a mock process."""

    def __init__(self, directory, process):
        super().__init__(directory)
        self.process = process
        self.send = self.driver.execute_cdp_cmd
        self.send("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})

    def go(self, query="", wait="return podo.explorer.answer !== null && podo.explorer.data !== null"):
        self.driver.get("about:blank")
        began = time.monotonic()
        self.driver.get(self.process.url + query)
        return self.until(wait) and time.monotonic() - began

    def until(self, script, *args, deadline=10):
        return tap.wait_until(lambda: self.js(script, *args), deadline)

    def idle(self):
        """Waits until nothing is asked any more, and what was asked is shown."""
        return self.until("""const e = podo.explorer;
            return e.api.running.size === 0 && !e.due.profile && !e.due.timeline && !e.timeline.pending""")

    def heard(self):
        messages = [json.loads(row["message"])["message"] for row in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        tap.check("the record of requests holds the page", self.process.url in [u.split("?")[0] for u in urls], urls)
        own = (self.process.url, "data:", "about:blank", f"blob:{self.process.url}")
        return ([row["message"] for row in self.driver.get_log("browser")] +
                [u for u in urls if not u.startswith(own)])

    def spot(self, ms):
        """Where a moment stands on the time line, in the window."""
        return self.js("""const t = podo.timeline, c = t.canvas.getBoundingClientRect();
            return [c.left + t.xOf(arguments[0]), c.top + c.height / 2].map(Math.round)""", ms)

    def drag(self, from_ms, until_ms, shift=False):
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.actions.action_builder import ActionBuilder
        from selenium.webdriver.common.keys import Keys
        if shift:
            ActionChains(self.driver).key_down(Keys.SHIFT).perform()
        mouse = ActionBuilder(self.driver, duration=20)
        (x, y), (end, _) = self.spot(from_ms), self.spot(until_ms)
        mouse.pointer_action.move_to_location(x, y).pointer_down()
        mouse.pointer_action.move_to_location((x + end) // 2, y).move_to_location(end, y).pointer_up()
        mouse.perform()
        if shift:
            ActionChains(self.driver).key_up(Keys.SHIFT).perform()
        self.idle()

    def range(self, which="after"):
        return self.js("const r = podo.explorer.choice[arguments[0]]; return r && [r.from, r.until]", which)

    def params(self):
        return parse_qs(urlsplit(self.driver.current_url).query, keep_blank_values=True)

    def top(self):
        return self.js(f"return {TOP}.querySelector('.main').title")

    def shows(self, cpu_s):
        return self.cpu_s() == cpu_s and self.is_hidden("empty") and not self.js(
            "return document.querySelector('.graph-pane').hidden || document.querySelector('.table-pane').hidden")

    def is_hidden(self, name):
        return self.js("return document.getElementById(arguments[0]).hidden", name)

    def cpu_s(self):
        return round(self.js("return podo.page.view.total") / 1e9)

    def state(self):
        """What a link should bring back."""
        return self.js("""const e = podo.explorer, p = podo.page, c = e.choice;
            return JSON.stringify([c.after, c.before, c.spanS, e.by(), c.patterns, [...p.labels.filter.wanted]
              .map(([k, v]) => [k, [...v]]), document.getElementById('search').value, p.choices,
              p.tree.nameOf(p.graph.zoomed), p.graph.rootAtTop, document.getElementById('main').dataset.panes,
              p.view.totals || p.view.total, document.getElementById('range-text').textContent])""")


def near(some, wanted, slack_ms=mock.HOUR_MS / 10):
    return some is not None and all(abs(a - b) <= slack_ms for a, b in zip(some, wanted))


def cpu_of(process, begin, end, accept=lambda labels: True):
    return round(sum(costs[i] for t, _, costs in process.windows if begin <= t < end
                     for i in range(len(mock.PATHS)) if accept(dict(mock.LABELS[i]))) / 1e9)


def check_opens(b):
    b.screen(1440, 900)
    b.go()
    tap.check_equal("the heading is the service", b.text("#title"), "checkout")
    tap.check("the time line has a bar for each window of the last hour",
              b.js("return podo.timeline.points.length") in (359, 360), b.js("return podo.timeline.points.length"))
    tap.check_equal("the bars are stacked by the label that tells most apart",
                    b.js("return podo.explorer.data.by"), "endpoint")
    tap.check("the graph holds the hour", abs(b.cpu_s() - cpu_of(b.process, mock.NOW_MS - mock.HOUR_MS, mock.NOW_MS))
              < 20, b.cpu_s())
    tap.check("the legend names the values", "/pay" in b.text("#time-legend"), b.text("#time-legend"))
    drawn = b.js("""const t = podo.timeline, scale = t.canvas.width / t.width, p = t.points[t.points.length >> 1];
        const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        const read = () => [...c.getImageData(0, 0, 1, 1).data].slice(0, 3);
        const pixel = (y) => { c.drawImage(t.canvas, -Math.round(t.xOf(p.t + p.d / 2) * scale), -y * scale); return read(); };
        const named = (color) => { c.fillStyle = color; c.fillRect(0, 0, 1, 1); return read(); };
        return [pixel(t.bottom - 3), named(t.colors[0]), pixel(4), named(t.theme.background)]""")
    tap.check("a bar has its value's color, and ends", drawn[0] == drawn[1] and drawn[2] == drawn[3], drawn)
    b.point_at(mock.NOW_MS - mock.HOUR_MS / 2)
    tip = b.text("#time-tip")
    tap.check("pointing at a bar tells its time, its cores and its values", "11:30" in tip and "cores" in tip
              and "/search" in tip, tip)
    tap.check_equal("the page says its resolution only where it is coarse", b.js(
        "return document.querySelector('.coarse')"), None)
    tap.check_equal("the page logs nothing and asks no one else", b.heard(), [])


def check_story(b):
    """Compare 3 AM, when it was slow, with 10 AM, when it was fine."""
    b.go("?span=86400")
    b.drag(*mock.SLOW_MS)
    tap.check("a drag selects whole bars", near(b.range(), mock.SLOW_MS), b.range())
    tap.check("the graph follows the range", b.cpu_s() == cpu_of(b.process, *b.range()), b.cpu_s())
    tap.check("the answer is coarser than a window, and says so", "kept in windows of 1\u202fmin" in b.text("#range-text"),
              b.text("#range-text"))
    b.drag(*GOOD_MS, shift=True)
    tap.check("a drag with Shift chooses the range to compare with", near(b.range("before"), GOOD_MS), b.range("before"))
    tap.check("the table shows changes", b.text("#table-title") == "Top changes", b.text("#table-title"))
    change = b.js(f"return {TOP}.lastElementChild.textContent")
    tap.check("the guilty function leads the table, grown", b.top() == mock.GUILTY and "▲" in change, (b.top(), change))
    words = b.text("#range-text")
    tap.check("both ranges stand in words", "BeforeMar 1 " in words and "AfterMar 1 " in words, words)
    x, y = b.spot(b.range()[1])
    before = b.range()
    b.mouse((x, y), (x + 40, y))
    tap.check("an edge can be dragged", b.range()[0] == before[0] and b.range()[1] > before[1], (before, b.range()))
    b.js("document.getElementById('compare').click()")
    b.idle()
    tap.check("Compare goes back to one range", b.range("before") is None
              and b.text("#table-title") == "Top functions", b.text("#table-title"))
    b.js("""const s = document.getElementById('compare'); s.click();
        const e = document.getElementById('earlier'); e.value = '3600'; e.dispatchEvent(new Event('change'))""")
    b.idle()
    tap.check("the hour before is one choice away", b.range("before") == [x - mock.HOUR_MS for x in b.range()],
              (b.range("before"), b.range()))
    tap.check_equal("the story logs nothing and asks no one else", b.heard(), [])


def check_labels(b):
    b.go(SLOW)
    whole = b.cpu_s()
    b.click("#time-legend .value")
    b.idle()
    pay = cpu_of(b.process, *mock.SLOW_MS, lambda labels: labels.get("endpoint") == "/pay")
    tap.check("a value of the legend filters the graph", b.cpu_s() == pay < whole, (b.cpu_s(), pay))
    tap.check("on the time line the others step back, to be chosen", "/search" in b.text("#time-legend")
              and b.js("return podo.timeline.lit.size === 2 && podo.timeline.lit.has(0)"), b.text("#time-legend"))
    b.js("const s = document.getElementById('divide'); s.value = 'tenant'; s.dispatchEvent(new Event('change'))")
    b.idle()
    tap.check("divided by another label, the time line holds what the filter leaves", [
        p for p in b.process.asked if p[0] == "/api/v1/timeline"][-1][1].count(("label.endpoint", "/pay")) == 1
        and "globex" in b.text("#time-legend"), b.text("#time-legend"))
    b.js("history.back()")
    b.until("return podo.explorer.choice.by === null")
    b.idle()
    tap.check_equal("the filter stands in the address", b.params().get("label.endpoint"), ["/pay"])
    shares = b.js("return [...document.querySelectorAll('#label-table tbody tr')].map((r) => r.textContent)")
    tap.check("label values are listed with their share of CPU", shares and "/pay" in shares[0] and "%" in shares[0],
              shares)
    b.js("history.back()")
    tap.check("Back takes the filter out", b.until("return podo.page.labels.filter.isEmpty") and b.cpu_s() == whole)
    b.idle()
    b.type_pattern("/api/v2/.*")
    api = cpu_of(b.process, *mock.SLOW_MS, lambda labels: labels.get("endpoint", "").startswith("/api/v2/"))
    tap.check("a regular expression filters", b.cpu_s() == api > 0, (b.cpu_s(), api))
    tap.check_equal("and stands in the address", b.params().get("label~.endpoint"), ["/api/v2/.*"])
    tap.check_equal("nothing of this is logged", b.heard(), [])
    b.type_pattern("(")
    tap.check("what the process says of a broken one is shown", 'is no regular expression' in b.text("#notice-text")
              and b.js("return document.getElementById('pattern').getAttribute('aria-invalid')") == "true",
              b.text("#notice-text"))
    tap.check_equal("and what was there stays", b.cpu_s(), api)
    for _ in range(2):
        b.js("document.querySelector('#pattern-chips .chip').click()")
    b.idle()
    b.driver.get_log("browser")  # the refusals
    tap.check("chips take expressions out again", b.cpu_s() == whole and b.is_hidden("notice"),
              (b.cpu_s(), b.text("#notice-text")))


def check_link(b):
    b.go(COMPARED)
    b.js("""const s = document.getElementById('search'); s.value = 'json'; s.dispatchEvent(new Event('input'))""")
    b.click("#by-choice [data-value=total]")
    b.click("#orientation [data-value=bottom]")
    b.click("#width-choice [data-value=after]")
    b.js("podo.page.labels.toggle('endpoint', '/pay'); podo.page.labels.toggle('endpoint', '/cart')")
    b.js("podo.graph.zoomTo(arguments[0])", b.node(mock.FRAMES["write"][0]))
    b.type_pattern("globex|acme", "tenant")
    state, link = b.state(), b.driver.current_url
    b.driver.switch_to.new_window("tab")
    b.driver.get(link)
    b.until("return podo.explorer.answer !== null && podo.explorer.data !== null")
    b.idle()
    tap.check_equal("a link opens in a fresh tab with the same state", b.state(), state)
    tap.check_equal("and stays the same link", b.driver.current_url, link)
    b.driver.close()
    b.driver.switch_to.window(b.driver.window_handles[0])
    b.js("document.getElementById('compare').click()")
    b.idle()
    for _ in range(1):
        b.js("history.back()")
    tap.check("Back brings the comparison back", b.until("return podo.explorer.choice.before !== null")
              and b.idle() and b.state() == state, (b.state(), state))
    tap.check("downloads ask for what is shown", all(
        part in b.js("return document.getElementById('get-pprof').href") for part in
        ("api/v1/diff?", "base_from=", "label.endpoint=%2Fpay", "label%7E.tenant=", "format=pprof")),
        b.js("return document.getElementById('get-pprof').href"))
    tap.check_equal("links log nothing", b.heard(), [])


def check_keys(b):
    b.go("?span=21600")
    seen = []
    b.js("document.activeElement.blur(); window.scrollTo(0, 0)")
    for _ in range(40):
        b.key("TAB")
        seen.append(b.js("""const a = document.activeElement, s = getComputedStyle(a);
            return [a.id || a.dataset.value || a.className, a.id === 'canvas'
              || (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 1)]"""))
        if seen[-1][0] == "canvas":
            break
    names = [name for name, _ in seen]
    wanted = ["about-open", "3600", "follow", "divide", "compare", "timeline", "search", "filter-add", "pattern", "canvas"]
    tap.check("Tab visits everything from the top down", [n for n in names if n in wanted] == wanted, names)
    tap.check("the focus can always be seen", all(shown for _, shown in seen), seen)
    b.keys("g")
    tap.check_equal("g goes to the time line", b.js("return document.activeElement.id"), "timeline")
    b.key("ARROW_LEFT")
    last = b.js("const p = podo.timeline.points.at(-1); return [p.t, p.t + p.d]")
    tap.check_equal("an arrow begins with the last bar", b.range(), last)
    b.key("ARROW_LEFT", 9)
    bar = last[1] - last[0]
    tap.check("arrows move the range", b.range()[0] < last[0] - 8 * bar, (b.range(), last))
    from_ms = b.range()[0]
    length = b.js("return history.length")
    b.shift_key("ARROW_RIGHT", 5)
    b.idle()
    tap.check("with Shift they move its end", b.range()[0] == from_ms and b.range()[1] >= from_ms + 5 * bar, b.range())
    tap.check("and many steps are one for Back", b.js("return history.length") == length, b.js("return history.length"))
    tap.check("the graph follows", b.until("return podo.page.view.total > 0")
              and b.cpu_s() == cpu_of(b.process, *b.range()), b.cpu_s())
    b.keys("c")
    b.idle()
    tap.check("c compares with the time before", b.range("before")[1] == b.range()[0], (b.range("before"), b.range()))
    earlier = b.range("before")
    b.key("ARROW_LEFT", 3)
    b.idle()
    tap.check("arrows then move the earlier range", b.range("before")[0] < earlier[0] and b.range()[0] == from_ms)
    b.keys("b")
    b.key("ARROW_RIGHT")
    tap.check("b changes over to the later one", b.range()[0] > from_ms, b.range())
    b.keys("z")
    b.idle()
    view = b.js("return [podo.timeline.view.from, podo.timeline.view.until]")
    tap.check("z lets both fill the time line", near(view, [b.range("before")[0], b.range()[1]], 70_000), view)
    b.keys("[")
    b.idle()
    tap.check("[ goes back in time", b.js("return podo.timeline.view.from") < view[0])
    b.keys("p")
    b.idle()
    tap.check("p follows the present again", b.js("return podo.explorer.choice.isFollowing"))
    b.key("ESCAPE")
    b.idle()
    tap.check("Escape lets the ranges go", b.range() is None and b.range("before") is None)
    b.keys("?")
    tap.check("? tells the time line's keys, too", "go to the time line" in b.text("#help"))
    b.key("ESCAPE")
    tap.check_equal("keys log nothing", b.heard(), [])


def check_looks(b):
    texts = ("--text", "--muted", "--accent", "--before", "--grew", "--shrank", "--error")
    for theme in ("light", "dark"):
        b.screen(1440, 900, theme)
        b.go(COMPARED)
        tap.check_equal(f"the system's choice of {theme} is followed", b.js("return podo.page.theme"), theme)
        low = b.js("""const s = getComputedStyle(document.documentElement);
            const rgb = (name) => { const c = document.createElement('canvas').getContext('2d');
              c.fillStyle = s.getPropertyValue(name).trim(); c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
            const light = (c) => { const [r, g, b] = c.slice(0, 3).map((x) => { x /= 255;
              return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const ratio = (a, b) => { const [x, y] = [light(rgb(a)), light(rgb(b))].sort((p, q) => q - p);
              return (x + 0.05) / (y + 0.05); };
            const found = arguments[0].flatMap((t) => ['--background', '--surface'].map((bg) => [t, bg, ratio(t, bg)]));
            return [...found, ['--warning', '--warning-soft', ratio('--warning', '--warning-soft')],
              ['--error', '--warning-soft', ratio('--error', '--warning-soft')],
              ['--text', '--accent-soft', ratio('--text', '--accent-soft')]].filter(([, , r]) => r < 4.5)""", texts)
        tap.check_equal(f"all text has WCAG AA's contrast in {theme}", low, [])
    for width, height in ((1440, 900), (1024, 768), (768, 1024), (390, 844)):
        b.screen(width, height)
        b.go(COMPARED)
        over = b.js("""return [document.documentElement.scrollWidth - innerWidth, ...[...document.querySelectorAll(
            'button, select, input, a')].filter((one) => one.offsetParent && !one.closest('.crumbs, .legend, .chips, dialog'))
            .map((one) => [one.id || one.textContent, one.getBoundingClientRect().right - innerWidth])
            .filter(([, x]) => x > 0)]""")
        tap.check(f"at {width}x{height} nothing stands out of the window", over == [0] or over == [max(over[0], -20)]
                  and over[0] <= 0, over)
        room = b.js("return [document.getElementById('graph').clientHeight, podo.graph.contentHeight()]")
        tap.check(f"at {width}x{height} the graph has room", room[0] >= min(200, room[1]), room)
    b.screen(1440, 900)
    tap.check_equal("looks log nothing", b.heard(), [])


def check_states(b):
    process = b.process
    kept, process.windows = process.windows, []
    b.go(wait="return podo.explorer.status !== null")
    b.until("return document.querySelector('#empty h2').textContent === 'No data yet'")
    tap.check("without a window the page says when one comes", b.text("#empty h2") == "No data yet"
              and "7\u202fs" in b.text("#empty p"), b.text("#empty"))
    process.windows = kept
    tap.check("and fills by itself", b.until("return podo.explorer.hasProfile", deadline=8) and b.is_hidden("empty"))
    begin = process.windows[0][0]
    b.go(f"?from={begin - 3 * mock.HOUR_MS}&until={begin - 2 * mock.HOUR_MS}")
    tap.check("a range before the history says when that begins", "Nothing is kept" in b.text("#empty h2")
              and "History begins at Feb 28 12:00" in b.text("#empty p"), b.text("#empty"))
    tap.check("and the time line shows that range", b.js("""const t = podo.timeline, r = podo.explorer.choice.after;
        return t.view.from < r.from && r.until < t.view.until"""))
    process.state, process.note = "stopped", "the service took SIGPROF"
    b.go(SLOW)
    tap.check("a stopped process says why, and shows what it has", "Profiling is stopped: the service took SIGPROF"
              in b.text("#notice-text") and b.cpu_s() > 0, b.text("#notice-text"))
    process.state, process.note = "running", ""
    process.windows = [w for w in kept if w[0] >= mock.NOW_MS - 20 * 60_000]
    b.go("?span=86400")
    tap.check("a young history fills the time line", b.js("return podo.timeline.xOf(arguments[0]) < 20",
                                                         process.windows[0][0]))
    process.windows = kept
    tap.check_equal("states log nothing", b.heard(), [])


def check_trouble(b):
    process = b.process
    b.go(SLOW)
    whole = b.cpu_s()
    # Of the kind that asking again by itself does not mend: the page waits for a hand.
    process.failure = mock.Bad("a query takes more than 64 MiB; ask for a shorter range", status=422)
    b.drag(*GOOD_MS)
    b.until("return !document.getElementById('notice').hidden")
    tap.check("a refusal is shown with the process' words", "ask for a shorter range" in b.text("#notice-text"),
              b.text("#notice-text"))
    tap.check("and takes nothing from the screen", b.shows(whole) and not b.js(
        "return document.body.classList.contains('is-loading')"))
    process.failure = None
    b.click("#notice-again")
    tap.check("Try again does", b.idle() and b.cpu_s() == cpu_of(process, *b.range()) and b.is_hidden("notice"))
    b.go(SLOW)
    process.is_gone = True
    b.drag(*GOOD_MS)
    b.until("return !document.getElementById('notice').hidden")
    tap.check("a lost connection is said", "Lost connection" in b.text("#notice-text"), b.text("#notice-text"))
    tap.check("and what was there stays", b.shows(whole))
    process.is_gone = False
    tap.check("the page finds back by itself", b.until("return document.getElementById('notice').hidden", deadline=15)
              and b.idle() and b.cpu_s() == cpu_of(process, *b.range()), b.text("#notice-text"))
    b.driver.get_log("browser")  # refusals and broken connections, as meant
    process.delays_s = [1.5]
    b.js("podo.explorer.pick({from: arguments[0], until: arguments[1]}, 'after')", *mock.SLOW_MS)
    b.until("return podo.explorer.api.running.has('profile')")
    b.js("podo.explorer.pick({from: arguments[0], until: arguments[1]}, 'after')", *GOOD_MS)
    b.idle()
    quick = b.cpu_s()
    time.sleep(1.7)  # the first answer would be here by now
    tap.check("a newer question ends an older one", quick == b.cpu_s() == cpu_of(process, *GOOD_MS), (quick, b.cpu_s()))
    tap.check_equal("which logs nothing", b.heard(), [])


def check_token(b):
    process = b.process
    b.go(SLOW)
    process.token = "correct-horse"
    b.js("podo.explorer.poll()")
    b.until("return document.getElementById('ask-token').open")
    tap.check("a process with a token is asked with one", b.js("return document.activeElement.id") == "token"
              and b.is_hidden("token-wrong"))
    b.keys("battery", "\ue007")
    b.until("return document.getElementById('ask-token').open && !document.getElementById('token-wrong').hidden")
    tap.check("a wrong token is refused, and asked for again", not b.is_hidden("token-wrong"))
    b.keys("correct-horse", "\ue007")
    tap.check("the right one opens", b.until("return !document.getElementById('ask-token').open && "
                                             "document.getElementById('notice').hidden"))
    stored = b.js("return [sessionStorage.getItem('podo-token'), JSON.stringify(localStorage), document.cookie, location.href]")
    tap.check("it is kept in the tab only", stored[0] == "correct-horse" and "horse" not in "".join(stored[1:]), stored)
    count = len(process.asked)
    b.click("#get-pprof")
    tap.check("downloads carry it", tap.wait_until(lambda: [
        q for p, q in process.asked[count:] if p == "/api/v1/profile" and ("format", "pprof") in q], 5))
    b.js("sessionStorage.clear()")
    process.token = None
    b.idle()
    messages = [m for m in b.heard() if "401" not in m]
    tap.check_equal("but for the refusals nothing is logged", messages, [])


def check_live(b):
    process = b.process
    kept = list(process.windows)

    def advance(windows):
        for _ in range(windows):
            t = process.now_ms
            process.windows.append((t, mock.WINDOW_MS, mock.cpu_at(t, mock.WINDOW_MS)))
            process.now_ms += mock.WINDOW_MS

    b.go("?span=900")
    b.js("podo.graph.zoomTo(arguments[0])", b.node(mock.FRAMES["rank"][0]))
    last = b.js("return podo.timeline.points.at(-1).t")
    advance(3)
    tap.check("live, the time line goes on by itself", b.until("return podo.timeline.points.at(-1).t > arguments[0]", last,
                                                               deadline=15))
    b.idle()
    tap.check_equal("and the zoom stays", b.zoomed(), mock.FRAMES["rank"][0])
    b.drag(mock.NOW_MS - 400_000, mock.NOW_MS - 200_000)
    chosen, total = b.range(), b.cpu_s()
    last = b.js("return podo.timeline.points.at(-1).t")
    advance(2)
    b.js("podo.explorer.poll()")
    b.until("return podo.timeline.points.at(-1).t > arguments[0]", last)
    b.idle()
    tap.check("a chosen range stays while the line goes on", b.range() == chosen and b.cpu_s() == total, b.range())
    b.click("#follow")
    b.idle()
    last = b.js("return podo.timeline.points.at(-1).t")
    advance(2)
    b.js("podo.explorer.poll()")
    b.idle()
    tap.check("on hold nothing moves", b.js("return podo.timeline.points.at(-1).t") == last)
    b.click("#follow")
    b.idle()
    count = len(process.asked)
    b.js("""Object.defineProperty(document, 'hidden', { value: true, configurable: true });
        document.dispatchEvent(new Event('visibilitychange')); podo.explorer.schedule(50)""")
    time.sleep(0.6)
    tap.check_equal("a tab that is not seen asks nothing", len(process.asked), count)
    advance(1)
    b.js("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    tap.check("seen again, it catches up", b.until("return podo.timeline.points.at(-1).t > arguments[0]", last))
    process.windows, process.now_ms = kept, mock.NOW_MS
    tap.check_equal("live logs nothing", b.heard(), [])


def check_hostile(b):
    process = b.process
    attack = "</script><img src=x onerror=\"window.owned=1\">"
    labels, service = mock.LABELS[2], process.status
    mock.LABELS[2] = (("endpoint", attack), ("tenant", "__proto__"))
    process.status = lambda: {**service(), "service": attack, "state": "stopped", "note": attack}
    b.go(SLOW)
    b.point_at(sum(mock.SLOW_MS) / 2)
    b.click("#time-legend .value")
    b.idle()
    b.click("#about-open")
    tap.check("hostile names run nothing", b.js("return window.owned === undefined && document.images.length === 0 && "
                                               "document.scripts.length === 2"))
    tap.check("and are shown as they are", attack in b.text("#notice-text") and attack in b.text("#time-legend")
              and attack in b.text("#about-text"), [b.text(part) for part in ("#notice-text", "#time-legend", "#about-text")])
    mock.LABELS[2], process.status = labels, service
    tap.check_equal("hostile names log nothing", b.heard(), [])


def check_size(b):
    """A day, 50,000 stacks: times are printed, not judged."""
    process = b.process
    for name in ("profile", "diff"):
        file = {"profile": "day.json", "diff": "day_diff.json"}[name]
        with open(f"{b.directory}/{file}", "rb") as answer:
            process.big[name] = answer.read()
    b.screen(1440, 900)
    for name, query in (("profile", "?span=86400"), ("diff", COMPARED)):
        b.go(query)
        b.idle()
        timing = b.js("return podo.explorer.timing")
        frames = b.js("return podo.tree.nodeCount - 1")
        steps = b.js("""const times = (act) => { const all = [];
              for (let i = 0; i < 5; i++) { const t = performance.now(); act(i); all.push(performance.now() - t); }
              return Math.round(all.sort((x, y) => x - y)[2]); };
            const s = document.getElementById('search');
            const search = (text) => { s.value = text; s.dispatchEvent(new Event('input')); };
            const done = { search: times((i) => search('step' + i)) };
            search('');
            done.filter = times((i) => podo.page.labels.toggle('shard', i % 2 ? 'a' : 'b'));
            podo.page.labels.filter.wanted.clear();
            done.zoom = times((i) => podo.graph.focusNode(podo.graph.layout.node[i + 1]));
            done.graph = times(() => podo.graph.draw());
            done.line = times(() => podo.timeline.draw());
            return done""")
        b.idle()
        tap.check(f"a day's {name} of {frames} frames is shown", frames > 500_000, frames)
        print(f"# {name} of a day: {len(process.big[name]) / 1e6:.1f} MB, {frames} frames; first graph "
              f"{timing['shownAtMs'] / 1000:.2f} s after the page was opened (answer {timing['askMs']:.0f} ms, "
              f"decoding {timing['decodeMs']:.0f}, showing {timing['showMs']:.0f}); then in ms, medians of 5: "
              + ", ".join(f"{what} {ms}" for what, ms in steps.items()))
    process.big = {}
    tap.check_equal("a day logs nothing", b.heard(), [])


class Hands(Explorer):
    """What a hand does on this page."""

    def mouse(self, *spots):
        from selenium.webdriver.common.actions.action_builder import ActionBuilder
        mouse = ActionBuilder(self.driver, duration=20)
        mouse.pointer_action.move_to_location(*spots[0]).pointer_down()
        for spot in spots[1:]:
            mouse.pointer_action.move_to_location(*spot)
        mouse.pointer_action.pointer_up()
        mouse.perform()
        self.idle()

    def point_at(self, ms):
        from selenium.webdriver.common.actions.action_builder import ActionBuilder
        mouse = ActionBuilder(self.driver)
        mouse.pointer_action.move_to_location(*self.spot(ms))
        mouse.perform()

    def shift_key(self, name, times):
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.keys import Keys
        chain = ActionChains(self.driver).key_down(Keys.SHIFT)
        for _ in range(times):
            chain = chain.send_keys(getattr(Keys, name))
        chain.key_up(Keys.SHIFT).perform()

    def type_pattern(self, text, key="endpoint"):
        self.js("document.getElementById('pattern-key').value = arguments[0]; "
                "document.getElementById('pattern').focus()", key)
        self.keys(text, "\ue007")
        tap.wait_until(lambda: self.js("return podo.explorer.choice.patterns.some((p) => p.pattern === arguments[0])", text))
        self.until("return podo.explorer.api.running.size === 0 && !podo.explorer.timeline.pending")


def main():
    for tool in ("chromium", "chromedriver"):
        if not shutil.which(tool):
            tap.skip("the page of a process in a browser", tool)
            return tap.done()
    try:
        import selenium  # noqa: F401
    except ImportError:
        tap.skip("the page of a process in a browser", "python3-selenium")
        return tap.done()
    directory = tap.temp_dir()
    made = tap.run([os.path.join(tap.build_dir(), "tests", "page", "podo_make_pages"), directory], 60)
    if not tap.check("the page is written", made.returncode == 0, made):
        return tap.done()
    with open(f"{directory}/explorer.html", "rb") as page, open(f"{directory}/explorer.policy", encoding="utf-8") as policy:
        process = mock.MockProcess(page.read(), policy.read())

    def out_of_time(*_):
        raise TimeoutError(f"the browser took more than {DEADLINE_S} s")

    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(DEADLINE_S)
    browser = None
    try:
        browser = Hands(directory, process)
        parts = [check_opens, check_story, check_labels, check_link, check_keys, check_looks, check_states,
                 check_trouble, check_token, check_live, check_hostile, check_size]
        for part in parts:
            part(browser)
    except Exception as error:  # a script error or a missing element is a failed check, not a traceback
        line = error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else 0
        tap.check("the browser follows the script to its end", False,
                  f"line {line}: {type(error).__name__}: {str(error).splitlines()[0]}")
    finally:
        signal.alarm(0)
        if browser:
            browser.close()
        process.close()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
