#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The flame-graph pages in a real browser: clicks, keys, search, zoom, themes, hostile names."""
# deadline: 180

import json
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

DEADLINE_S = 115  # for all that the browser does
PAGES = ("flame", "diff", "hostile", "hostile_diff", "empty", "labelled", "labelled_diff",
         "hostile_labels", "many_labels", "large", "huge")

# What make_pages.cc puts into the page "flame": samples of 10 ms, 1849 in all.
TOTAL = 1849
MEMMOVE = 40 + 610 + 15  # three stacks end in it
WRITE_VALUE = 610 + 205 + 330 + 144  # recursive: nested frames must not count twice


# What it puts into "labelled": samples of 10 ms by endpoint and tenant.
LABELLED = 820
PAY, CART, SEARCH, NO_ENDPOINT = 460, 150, 130, 80
PAY_ACME, CART_ACME, NO_ENDPOINT_ACME = 60, 100, 60


def percent(part, whole):
    """As the page writes it."""
    share = 100 * part / whole
    return f"{share:.{2 if share < 10 else 1}f}\u202f%"


class Browser:
    """Chromium on pages of one directory; counts what the pages log and what they ask for."""

    def __init__(self, directory):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                       "--no-first-run", "--disable-background-networking",
                       "--disable-component-update", "--disable-sync",
                       f"--user-data-dir={tap.temp_dir('podo-chromium-')}"):
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.directory = directory
        self.service = Service(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(service=self.service, options=options)
        self.chromium_pid = self.driver.capabilities.get("goog:processID", 0)
        self.driver.set_page_load_timeout(30)
        self.driver.set_script_timeout(30)
        # The browser's own first tab is none of ours.
        self.driver.get("about:blank")
        self.driver.get_log("performance")

    def close(self):
        try:
            self.driver.quit()
        finally:
            # Should quit() have failed: these two, by their ids, and nothing else.
            if self.service.process.poll() is None:
                self.service.process.kill()
            if self.chromium_pid and self.lives(self.chromium_pid):
                os.kill(self.chromium_pid, signal.SIGKILL)

    @staticmethod
    def lives(pid):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                return "chrom" in file.read()
        except OSError:
            return False

    def screen(self, width, height, theme="light"):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        # No animation: a check sees where a zoom ends.
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def open(self, page, fragment=""):
        """Returns the seconds until the page stands."""
        self.driver.get("about:blank")  # else another fragment of the same page opens nothing
        began = time.monotonic()
        self.driver.get(f"file://{self.directory}/{page}.html{fragment}")
        return time.monotonic() - began

    def heard(self):
        """What pages said on the console, and asked for beside themselves, since the last call."""
        messages = [json.loads(row["message"])["message"] for row in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages
                if m["method"] == "Network.requestWillBeSent"]
        tap.check("the record of requests holds the pages themselves", urls)
        return ([row["message"] for row in self.driver.get_log("browser")] +
                [u for u in urls if not u.startswith(("file://" + self.directory, "data:"))])

    def js(self, script, *args):
        return self.driver.execute_script(script, *args)

    def text(self, css):
        return self.js("return document.querySelector(arguments[0]).textContent", css)

    def click(self, css):
        from selenium.webdriver.common.by import By
        self.driver.find_element(By.CSS_SELECTOR, css).click()

    def keys(self, *keys):
        from selenium.webdriver import ActionChains
        ActionChains(self.driver).send_keys(*keys).perform()

    def key(self, name, times=1):
        from selenium.webdriver.common.keys import Keys
        self.keys(*[getattr(Keys, name)] * times)

    def node(self, name, nth=0):
        """The nth node, in document order, of the function with this exact name."""
        return self.js("""const t = podo.tree, found = [];
            for (let i = 1; i < t.nodeCount; i++) if (t.nameOf(i) === arguments[0]) found.push(i);
            return found[arguments[1]] ?? -1""", name, nth)

    def point(self, node, click=False):
        """Moves the mouse to the middle of a node on the canvas."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder
        x, y = self.js("""const g = podo.graph, r = g.rectOf(arguments[0]);
            const c = g.canvas.getBoundingClientRect();
            return [c.left + r.x + r.width / 2, c.top + r.y + r.height / 2].map(Math.round)""", node)
        mouse = ActionBuilder(self.driver)
        mouse.pointer_action.move_to_location(x, y)
        if click:
            mouse.pointer_action.click()
        mouse.perform()

    def focused(self):
        return self.js("return podo.graph.focused < 0 ? '' : podo.tree.nameOf(podo.graph.focused)")

    def zoomed(self):
        return self.js("return podo.tree.nameOf(podo.graph.zoomed)")

    def search(self, text):
        self.js("""const s = document.getElementById('search'); s.value = arguments[0];
            s.dispatchEvent(new Event('input'))""", text)
        return self.text("#search-status")


def check_flame(b):
    b.screen(1366, 768)
    b.open("flame")
    tap.check_equal("the heading is the title", b.text("#title"), "checkout 1.8.2")
    facts = b.text("#facts")
    for part in ("Duration20\u202fs", "CPU18.5\u202fs (0.92 cores)", "Samples1,849", "Rate100\u202fHz",
                 "Dropsring_full=3"):
        tap.check(f"the heading says {part!r}", part in facts, facts)
    check_hover(b)
    check_search(b)
    check_zoom(b)
    check_keys(b)
    check_table(b)
    check_looks(b)
    tap.check_equal("the page logs nothing and asks for nothing", b.heard(), [])


def check_hover(b):
    name = "checkout::json::Writer::write_value(checkout::json::Value const&, int)"
    b.point(b.node(name))
    tip = b.text("#tooltip")
    for part in (name, "src/json.cc:342", "checkout_service", "Total" + percent(WRITE_VALUE, TOTAL),
                 "12.9\u202fs", "Self0\u202f%"):
        tap.check(f"the tooltip says {part!r}", part in tip, tip)
    b.js("podo.graph.hover(-1, new PointerEvent('pointerleave'))")
    tap.check("the tooltip goes when the pointer leaves",
              b.js("return document.getElementById('tooltip').hidden"))
    b.js("podo.graph.focusNode(arguments[0])", b.node("bool std::operator< <char>(std::string_view, std::string_view)"))
    tap.check("an inlined frame is marked", "inlined" in b.text("#details .tag"))
    tap.check("the focused frame is announced",
              b.text("#live").startswith("bool std::operator< <char>") and ", inlined. Total 4.76" in b.text("#live"),
              b.text("#live"))


def check_search(b):
    for query, part in (("memmove", MEMMOVE), ("MEMMOVE", MEMMOVE), ("Writer", WRITE_VALUE),
                        ("write_value", WRITE_VALUE), ("=malloc", 74 + 205 + 3), ("nothing_has_this", 0),
                        ("file:tax.cc", 88 + 60), ("module:libcrypto", 64)):
        status = b.search(query)
        shown = percent(part, TOTAL) if part else "0\u202f%"
        tap.check(f"a search for {query!r} matches {shown} of the total",
                  status.startswith(shown + " ·"), status)
    b.click("#regex")
    status = b.search("^(malloc|cfree.*)$")
    tap.check("a regular expression matches what it says",
              status.startswith(percent(74 + 205 + 3 + 25, TOTAL)), status)
    status = b.search("(")
    tap.check("a broken regular expression is named as one",
              b.js("return document.getElementById('search').getAttribute('aria-invalid')") == "true"
              and "group" in status.lower(), status)
    b.click("#regex")
    b.js("document.activeElement.blur()")
    b.keys("/")
    tap.check_equal("/ goes to the search field", b.js("return document.activeElement.id"), "search")
    b.keys("memmove")
    b.key("ENTER")
    tap.check_equal("Enter in the search goes to the widest match", b.focused(), "__memmove_avx_unaligned_erms")
    b.key("ESCAPE")
    tap.check("Escape in the search clears it",
              b.text("#search-status") == "" and b.js("return podo.graph.matches === null"))


def check_zoom(b):
    price = "checkout::Cart::price(checkout::TaxTable const&) const"
    b.point(b.node(price), click=True)
    tap.check_equal("a click zooms into the frame", b.zoomed(), price)
    rect = b.js("return podo.graph.rectOf(podo.graph.zoomed).width / podo.graph.width")
    tap.check("the frame zoomed into fills the width", rect > 0.999, rect)
    tap.check("the crumbs end with the frame zoomed into", b.text("#crumbs").endswith("Cart::price"),
              b.text("#crumbs"))
    b.point(b.node("checkout::TaxTable::rate(std::string_view) const"))
    tap.check("a frame tells its part of the frame zoomed into",
              "Of the zoomed frame" + percent(148, 185) in b.text("#details"), b.text("#details"))
    b.js("document.getElementById('canvas').focus()")
    b.key("ESCAPE")
    tap.check_equal("Escape zooms out", b.zoomed(), "all")
    b.point(b.node(price), click=True)
    b.click("#crumbs .reset")
    tap.check_equal("the reset button shows all", b.zoomed(), "all")


def check_keys(b):
    b.js("podo.graph.focusNode(0); document.getElementById('canvas').focus()")
    b.key("ARROW_DOWN", 4)
    tap.check("arrow down walks to the widest callees",
              b.focused().startswith("boost::asio::detail::scheduler::do_run_one"), b.focused())
    b.key("ARROW_DOWN", 3)
    wide = b.focused()
    b.key("ARROW_RIGHT")
    right = b.focused()
    tap.check("arrow right goes to the frame beside", (wide, right) == (
        "checkout::json::Writer::write_value(checkout::json::Value const&, int)",
        "checkout::json::Parser::parse_value(checkout::json::Cursor&)"), (wide, right))
    b.key("ENTER")
    tap.check_equal("Enter zooms into the focused frame", b.zoomed(), right)
    b.key("ARROW_UP")
    tap.check("arrow up goes to the caller", b.focused().startswith("checkout::Session::handle"), b.focused())
    b.key("BACKSPACE")
    tap.check_equal("Backspace zooms out", b.zoomed(), "all")
    b.keys("h")
    tap.check_equal("h goes to the frame with the most time of its own", b.focused(),
                    "__memmove_avx_unaligned_erms")
    b.keys("?")
    tap.check("? opens the help", b.js("return document.getElementById('help').open"))
    b.key("ESCAPE")
    tap.check("Escape closes it", not b.js("return document.getElementById('help').open"))
    b.click("#orientation [data-value=bottom]")
    b.js("podo.graph.focusNode(0); document.getElementById('canvas').focus()")
    root_y = b.js("return podo.graph.rectOf(0).y / podo.graph.height")
    b.key("ARROW_UP")
    tap.check("with the root at the bottom, arrow up goes to the callee",
              root_y > 0.9 and b.focused() == "clone3", (root_y, b.focused()))
    b.click("#orientation [data-value=top]")


def first_rows(b, count):
    return b.js("""return [...document.querySelectorAll('#table tbody tr')].slice(0, arguments[0])
        .map((row) => [...row.cells].map((cell) => cell.querySelector('.main').textContent))""", count)


def check_table(b):
    rows = first_rows(b, 2)
    tap.check_equal("the table begins with the function that has the most self time", rows[0],
                    ["__memmove_avx_unaligned_erms", percent(MEMMOVE, TOTAL), percent(MEMMOVE, TOTAL)])
    b.click("#table th:nth-child(3) button")
    tap.check_equal("a click on Total sorts by total", first_rows(b, 1)[0][2], percent(TOTAL - 4 - 8, TOTAL))
    tap.check_equal("the sorted column is marked for screen readers",
                    b.js("return document.querySelector('#table th:nth-child(3)').getAttribute('aria-sort')"),
                    "descending")
    b.click("#table th:nth-child(1) button")
    names = [row[0].lower() for row in first_rows(b, 30)]
    tap.check("a click on Function sorts by name", len(names) > 10 and b.js(
        "const r = podo.page.table.sortedRows().map((x) => x.name.toLowerCase()); "
        "return r.every((n, i) => i === 0 || r[i - 1] <= n)"), names)
    b.click("#table th:nth-child(2) button")
    b.click("#table tbody tr:first-child button")
    tap.check("a click on a function finds it in the graph",
              b.focused() == "__memmove_avx_unaligned_erms"
              and b.text("#search-status").startswith(percent(MEMMOVE, TOTAL)), b.text("#search-status"))
    b.search("")


def check_looks(b):
    background = "return getComputedStyle(document.body).backgroundColor"
    light = b.js(background)
    b.click("#theme")
    tap.check("the theme button turns light into dark",
              (light, b.js(background)) == ("rgb(255, 255, 255)", "rgb(21, 25, 30)"))
    for theme in ("dark", "light"):
        contrast = b.js("return podo.page.palette.lowestContrast")
        tap.check(f"text on {theme} frames has the contrast of WCAG AA (4.5)", contrast >= 4.5, contrast)
        b.click("#theme")
    b.js("localStorage.clear()")
    b.screen(1366, 768, "dark")
    b.open("flame")
    tap.check_equal("the system's dark theme is taken over", b.js(background), "rgb(21, 25, 30)")
    for width, height in ((1366, 768), (390, 844)):
        b.screen(width, height)
        b.open("flame")
        overflow = b.js("return document.documentElement.scrollWidth - innerWidth")
        tap.check(f"at {width}x{height} nothing sticks out to the right", overflow <= 0, overflow)


def check_diff(b):
    b.screen(1366, 768)
    b.open("diff")
    before, after = 12, 330 + 144
    expected = ["checkout::json::Writer::escape", percent(before, 668), percent(after, TOTAL),
                f"▲ +{100 * (after / TOTAL - before / 668):.1f}\u202fpp"]
    tap.check_equal("the changes begin with the largest change in self share, with its sign",
                    first_rows(b, 1)[0], expected)
    tap.check("changes are sorted by size", b.js(
        "const c = podo.page.table.columns[3]; const v = podo.page.table.sortedRows().map(c.value); "
        "return v.every((x, i) => i === 0 || v[i - 1] >= x)"))
    b.click("#by-choice [data-value=total]")
    top = first_rows(b, 1)[0]
    tap.check("by total, the guilty function and its share before and after come first",
              top[0] == "checkout::json::Writer::write_value" and top[1:3] == [percent(65, 668), percent(WRITE_VALUE, TOTAL)],
              top)
    marks = {name: b.js("return podo.page.view.marks[arguments[0]]", b.node(name)) for name in
             ("checkout::Backoff::next()", "checkout::legacy_discount(int)", "clone3",
              "checkout::Cart::price(checkout::TaxTable const&) const")}
    tap.check_equal("new, gone, unchanged and shrunk frames are told apart", list(marks.values()), [3, 4, 0, 2])
    wide = "return podo.graph.isShown(arguments[0])"
    gone = b.node("checkout::legacy_discount(int)")
    seen = [b.js(wide, gone)]
    for width in ("after", "before"):
        b.click(f"#width-choice [data-value={width}]")
        seen.append(b.js(wide, gone))
    tap.check_equal("a vanished frame shows in both and before, not in after", seen, [True, False, True])
    b.click("#width-choice [data-value=both]")
    b.point(gone)
    tap.check("hovering tells both shares and the change", "✕ gone" in b.text("#tooltip")
              and f"{percent(24, 668)} → 0\u202f%" in b.text("#tooltip"), b.text("#tooltip"))
    b.click("#scale-choice [data-value=rate]")
    b.point(b.node("clone3"))
    tap.check("per second, the sides are absolute", "ms/s" in b.text("#tooltip"), b.text("#tooltip"))
    status = b.search("sha256")
    tap.check("a search in a difference tells both sides",
              status == "44\u202fms/s → 32\u202fms/s matched", status)
    tap.check_equal("the difference logs nothing and asks for nothing", b.heard(), [])


def bars(b):
    """The rows of the label table: what each cell says."""
    return b.js("""return [...document.querySelectorAll('#label-table tbody tr')]
        .map((row) => [...row.cells].map((cell) => cell.textContent))""")


def chips(b):
    return b.text("#chips").replace("\u2715", "")


def toggle(b, value):
    b.js("""const P = podo.page.labels.panel;
        P.buttons().find((one) => one.podoValue === arguments[0]).click()""", value)


def check_labels(b):
    b.screen(1280, 800)
    b.open("labelled")
    tap.check_equal("the label table begins with the label that tells most apart, its values by cost", bars(b), [
        [name, f"{part / 100:.2f}\u202fs" if part >= 100 else f"{10 * part}\u202fms", percent(part, LABELLED)]
        for name, part in (("/pay", PAY), ("/cart", CART), ("/search", SEARCH), ("(no label)", NO_ENDPOINT))])
    widths = b.js("""return [...document.querySelectorAll('#label-table .bar')]
        .map((bar) => bar.getBoundingClientRect().width)""")
    tap.check("the bars are as long as the shares", len(widths) == 4 and all(
        abs(width / widths[0] - part / PAY) < 0.02 for width, part in zip(widths, (PAY, CART, SEARCH, NO_ENDPOINT))),
        widths)
    tap.check_equal("all labels are offered, traces only counted",
                    b.js("return [...document.querySelectorAll('#label-key option')].map((o) => o.textContent)"),
                    ["endpoint (3)", "tenant (2)"])
    tap.check("the heading counts the traces", "Traces14" in b.text("#facts"), b.text("#facts"))
    check_filter(b)
    check_address(b)
    check_label_keys(b)
    tap.check_equal("the labelled page logs nothing and asks for nothing", b.heard(), [])


def check_filter(b):
    b.search("escape")
    b.js("podo.graph.focusNode(arguments[0])", b.node("checkout::json::Writer::escape(std::string_view)"))
    b.click("#label-table tbody tr:nth-child(1) button")
    tap.check("the details of the frame looked at are taken anew",
              "Total" + percent(400, PAY) in b.text("#details"), b.text("#details"))
    tap.check_equal("a click on a value filters the graph", b.js("return podo.page.view.total"), PAY * 1e7)
    tap.check("the chips say so, with the share of all that is left", chips(b) == "endpoint/pay"
              and b.text("#filter-share") == f"4.60\u202fs · {percent(PAY, LABELLED)} of all",
              (chips(b), b.text("#filter-share")))
    tap.check("the search's share is taken anew", b.text("#search-status").startswith(percent(400, PAY)),
              b.text("#search-status"))
    b.search("")
    tap.check_equal("the function table is taken anew", first_rows(b, 1)[0],
                    ["checkout::json::Writer::escape", percent(400, PAY), percent(400, PAY)])
    tap.check("frames of other labels are gone",
              not b.js("return podo.graph.isShown(arguments[0])", b.node("sha256_block_data_order_avx2")))
    tap.check_equal("the filtered label's own table stays, to choose from", [row[0] for row in bars(b)],
                    ["/pay", "/cart", "/search", "(no label)"])
    b.click("#label-table tbody tr:nth-child(2) button")
    tap.check_equal("a second value of the same label is an alternative",
                    (chips(b), b.js("return podo.page.view.total")), ("endpoint/payor/cart", (PAY + CART) * 1e7))
    b.js("""const s = document.getElementById('label-key'); s.value = 'tenant';
        s.dispatchEvent(new Event('change'))""")
    tap.check_equal("another label's table shows what the filter leaves", bars(b), [
        ["globex", "4.50\u202fs", percent(450, PAY + CART)], ["acme", "1.60\u202fs", percent(160, PAY + CART)]])
    toggle(b, "acme")
    tap.check_equal("another label narrows down", (chips(b), b.js("return podo.page.view.total")),
                    ("endpoint/payor/cartandtenantacme", (PAY_ACME + CART_ACME) * 1e7))
    b.point(b.node("checkout::Cart::price(checkout::TaxTable const&) const"), click=True)
    tap.check("a zoom works on filtered frames", "Total" + percent(PAY_ACME, PAY_ACME + CART_ACME)
              in b.text("#details"), b.text("#details"))
    b.click("#chips .chip")
    tap.check_equal("a chip's click takes its value out", chips(b), "endpoint/cartandtenantacme")
    tap.check("the zoom into a frame that is gone is let go", b.zoomed() == "all", b.zoomed())
    b.click("#filter-clear")
    tap.check("Clear shows all again", b.js("return podo.page.view.total") == LABELLED * 1e7
              and b.js("return location.hash") in ("", "#by=tenant"), chips(b))


def check_address(b):
    b.open("labelled", "#label.endpoint=%2Fpay&label.endpoint=%2Fcart&label.tenant=acme&by=tenant")
    tap.check_equal("a link opens with its filter and its label",
                    (chips(b), b.js("return podo.page.view.total"), b.js("return podo.page.labels.panel.key")),
                    ("endpoint/payor/cartandtenantacme", (PAY_ACME + CART_ACME) * 1e7, "tenant"))
    b.click("#chips .chip")
    tap.check_equal("a change of the filter stands in the address", b.js("return location.hash"),
                    "#label.endpoint=%2Fcart&label.tenant=acme&by=tenant")
    b.js("history.back()")
    deadline = time.monotonic() + 5
    while "/pay" not in chips(b) and time.monotonic() < deadline:
        time.sleep(0.02)
    tap.check_equal("Back brings the filter before it back", chips(b), "endpoint/payor/cartandtenantacme")
    b.open("labelled", "#nolabel=endpoint")
    tap.check_equal("a link may ask for samples without a label",
                    (chips(b), b.js("return podo.page.view.total")), ("endpoint(no label)", NO_ENDPOINT * 1e7))
    b.open("labelled", "#label.endpoint=%2Fnope&label.shape=round")
    tap.check("a filter that nothing passes says so", b.text("#empty h2") == "No samples with these labels"
              and "/nope" in chips(b), b.text("#empty"))
    b.click("#empty-clear")
    tap.check("and its button clears it", b.js("return podo.page.view.total") == LABELLED * 1e7)
    b.open("flame", "#label.endpoint=%2Fpay")
    tap.check("a profile without labels shows nothing of labels, whatever the link", b.js(
        "return document.getElementById('labels').hidden && document.getElementById('filter').hidden")
        and b.js("return podo.page.view.total") == TOTAL * 1e7)


def check_label_keys(b):
    b.open("labelled")
    b.keys("l")
    tap.check_equal("l goes to the label values", b.js("return document.activeElement.podoValue"), "/pay")
    b.key("ARROW_DOWN", 2)
    b.keys(" ")
    tap.check_equal("arrows move among them, Space switches one", chips(b), "endpoint/search")
    tap.check_equal("the focus stays where it was", b.js("return document.activeElement.podoValue"), "/search")
    tap.check("the change is announced", "endpoint/search" in b.text("#live") and percent(SEARCH, LABELLED)
              in b.text("#live"), b.text("#live"))
    tap.check_equal("the value is marked as pressed for screen readers",
                    b.js("return document.activeElement.getAttribute('aria-pressed')"), "true")
    b.keys(" ")
    tap.check_equal("Space switches it off again", chips(b), "none, all samples are shown")
    b.click("#panes [data-value=graph]")
    b.js("document.activeElement.blur()")
    b.keys("l")
    tap.check("l brings the label table back where the graph stands alone",
              b.js("return document.activeElement.podoValue") == "/pay")


def check_label_diff(b):
    b.screen(1920, 1080, "dark")
    b.open("labelled_diff")
    before, after = 440, LABELLED
    pay = ["/pay", percent(100, before), percent(PAY, after), f"▲ +{100 * (PAY / after - 100 / before):.1f}\u202fpp"]
    rows = bars(b)
    tap.check_equal("the label table of a difference begins with the largest change", rows[0], pay)
    tap.check_equal("a value that is gone stays", [row[:3] for row in rows if row[0] == "/gone"],
                    [["/gone", percent(20, before), "0\u202f%"]])
    b.js("""const s = document.getElementById('label-key'); s.value = 'tenant';
        s.dispatchEvent(new Event('change'))""")
    toggle(b, "acme")
    acme = (210, 220)
    tap.check_equal("a filter holds for both sides", b.js("return podo.page.view.totals"), [x * 1e7 for x in acme])
    tap.check_equal("and says what it leaves of each", b.text("#filter-share"),
                    f"{percent(acme[0], before)} → {percent(acme[1], after)} of all")
    tap.check_equal("shares are those of the filtered sides", first_rows(b, 1)[0][:3],
                    ["epoll_wait", percent(30, acme[0]), percent(60, acme[1])])
    b.click("#scale-choice [data-value=rate]")
    tap.check_equal("per second, label values are absolute",
                    next(row[1:3] for row in bars(b) if row[0] == "acme"), ["210\u202fms/s", "220\u202fms/s"])
    tap.check_equal("the labelled difference logs nothing and asks for nothing", b.heard(), [])


def check_many_labels(b):
    b.screen(1280, 800)
    seconds = b.open("many_labels", "#by=endpoint")
    rows = bars(b)
    tap.check("of 10,000 values 20 are shown and the rest is one row",
              len(rows) == 21 and rows[20][0] == "9,980 others", rows[20:])
    shares = b.js("""return podo.page.labels.panel.measure().reduce((sum, { parts }) => sum + parts[0], 0)""")
    tap.check("all together are the whole", abs(shares - 1) < 1e-9, shares)
    b.js("""const s = document.getElementById('label-search'); s.value = '/item/777';
        s.dispatchEvent(new Event('input'))""")
    tap.check_equal("the search finds among all", sorted(row[0] for row in bars(b)),
                    sorted(["/item/777"] + [f"/item/777{i}" for i in range(10)]))
    b.js("document.getElementById('label-search').focus()")
    b.key("ENTER")
    tap.check("Enter takes the first found", chips(b).startswith("endpoint/item/777"), chips(b))
    b.key("ESCAPE")
    rows = bars(b)
    tap.check("a chosen value stays in sight among 20 others", len(rows) == 22
              and rows[20][0].startswith("/item/777"), rows[19:])
    times = b.js("""const P = podo.page.labels, times = [];
        for (let i = 0; i < 9; i++) {
          const began = performance.now(); P.toggle('shard', i % 2 ? 'a' : 'b'); times.push(performance.now() - began);
        } return times.sort((x, y) => x - y)""")
    frames = b.js("return podo.tree.nodeCount - 1")
    size = os.path.getsize(f"{b.directory}/many_labels.html")
    plain = os.path.getsize(f"{b.directory}/large.html")
    print(f"# many_labels: {frames} frames, {size / 1e6:.1f} MB, opened in {seconds:.2f} s, "
          f"filtered in {times[4]:.0f} ms (median of 9)")
    tap.check("the page of 13,000 requests holds no trace of each", frames > 100000 and size < 1.6 * plain,
              (frames, size, plain))
    tap.check_equal("many labels log nothing and ask for nothing", b.heard(), [])


def check_hostile_labels(b):
    b.open("hostile_labels")
    attack = '</script><img src=x onerror="window.owned=1">'
    tap.check_equal("hostile keys are offered as they are",
                    b.js("return podo.page.labels.sums.keys.map(({ key }) => key)"), [attack, "__proto__"])
    seen = []
    for key in (attack, "__proto__"):
        b.js("podo.page.labels.chooseKey(arguments[0])", key)
        for value in b.js("return podo.page.labels.panel.shownValues"):
            toggle(b, value)
            fragment = b.js("return location.hash")
            total = b.js("return podo.page.view.total")
            b.open("hostile_labels", fragment)
            seen.append((value, b.js("return podo.page.view.total") == total and total > 0))
            toggle(b, value)
        b.click("#filter-add")
    tap.check("every hostile value filters, and comes back from a link",
              len(seen) == 12 and all(same for _, same in seen), [(str(v)[:40], same) for v, same in seen])
    tap.check("hostile labels run nothing",
              b.js("return window.owned === undefined && document.images.length === 0 && "
                   "document.scripts.length === 2"))
    b.js("podo.page.labels.chooseKey('__proto__')")
    toggle(b, "(no label)")
    toggle(b, None)
    tap.check("a value that reads like the page's own words is another than those",
              b.js("return [podo.page.view.total, document.querySelectorAll('#chips i').length]") == [8e7, 1],
              b.js("return podo.page.view.total"))
    overflow = b.js("return document.documentElement.scrollWidth - innerWidth")
    tap.check("a value of 3,000 letters does not widen the page", overflow <= 0, overflow)
    tap.check_equal("hostile labels log nothing and ask for nothing", b.heard(), [])


def check_hostile(b):
    for page in ("hostile", "hostile_diff"):
        b.open(page)
        b.js("""for (let i = 0; i < podo.tree.nodeCount; i++) {
                  podo.graph.focusNode(i); podo.page.hover(i, new PointerEvent('pointermove')); }
                document.getElementById('about').showModal()""")
        time.sleep(0.2)
        tap.check(f"hostile names run nothing in {page}",
                  b.js("return window.owned === undefined && document.title !== 'owned' && "
                       "document.images.length === 0 && document.scripts.length === 2"))
        tap.check_equal(f"{page} logs nothing and asks for nothing", b.heard(), [])
    b.open("hostile")
    tap.check("a hostile name is shown as it is", b.node("</script><img src=x onerror=\"document.title='owned'\">") > 0)
    b.open("empty")
    tap.check("a profile without samples says so", b.text("#empty h2") == "No samples"
              and not b.js("return document.getElementById('empty').hidden"))
    b.keys("h", "?")
    tap.check_equal("and its keys break nothing", b.heard(), [])


def check_size(b):
    b.screen(1366, 768)
    for page, least in (("large", 80000), ("huge", 1000000)):
        seconds = b.open(page)
        frames = b.js("return podo.graph.layout.count")
        draw = b.js("""const g = podo.graph, times = [];
            for (let i = 0; i < 15; i++) { g.draw(); times.push(g.drawMs); }
            return times.sort((x, y) => x - y)[7]""")
        rects = b.js("return podo.graph.rectsDrawn")
        megabytes = os.path.getsize(f"{b.directory}/{page}.html") / 1e6
        tap.check(f"a page of {frames} frames draws only what can be seen", frames > least and rects < 40000, rects)
        tap.check(f"the page {page} is smaller than 10 MB", megabytes < 10, megabytes)
        print(f"# {page}: {frames} frames, {megabytes:.1f} MB, opened in {seconds:.2f} s, "
              f"{rects} rectangles redrawn in {draw:.1f} ms")
    found = b.js("""const g = podo.graph, [left, right] = g.range;
        for (let level = 0; level < 40; level++) for (const x of [0.1, 0.5, 0.9]) {
          const at = left + x * (right - left), p = g.layout.at(level, at);
          const start = g.layout.levelStart[level], end = g.layout.levelStart[level + 1];
          let slow = -1;
          for (let i = start; i < end; i++) if (g.layout.x[i] <= at && at < g.layout.end[i]) slow = i;
          if (slow !== p) return [level, x, p, slow];
        } return null""")
    tap.check_equal("the frame under the pointer is the one a full scan finds", found, None)


def main():
    for tool in ("chromium", "chromedriver"):
        if not shutil.which(tool):
            tap.skip("flame-graph pages in a browser", tool)
            return tap.done()
    try:
        import selenium  # noqa: F401
    except ImportError:
        tap.skip("flame-graph pages in a browser", "python3-selenium")
        return tap.done()
    directory = tap.temp_dir()
    made = tap.run([os.path.join(tap.build_dir(), "tests", "page", "podo_make_pages"), directory], 60)
    if not tap.check("the pages are written", made.returncode == 0 and all(
            os.path.exists(f"{directory}/{p}.html") for p in PAGES), made):
        return tap.done()

    def out_of_time(*_):
        raise TimeoutError(f"the browser took more than {DEADLINE_S} s")

    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(DEADLINE_S)
    browser = None
    try:
        browser = Browser(directory)
        for part in (check_flame, check_diff, check_labels, check_label_diff, check_many_labels,
                     check_hostile_labels, check_hostile, check_size):
            part(browser)
    except Exception as error:  # a script error or a missing element is a failed check, not a traceback
        tap.check("the browser follows the script to its end", False, f"{type(error).__name__}: {error}")
    finally:
        signal.alarm(0)
        if browser:
            browser.close()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
