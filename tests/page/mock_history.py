# SPDX-License-Identifier: Apache-2.0
"""A made-up process that speaks docs/http.md: a day of a checkout service, and whatever goes wrong."""

import json
import math
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import flame_json

NOW_MS = 1_772_366_400_000  # 2026-03-01 12:00:00 UTC
HOUR_MS = 3_600_000
WINDOW_MS = 10_000
SLOW_MS = (NOW_MS - 9 * HOUR_MS, NOW_MS - 9 * HOUR_MS + 50 * 60_000)  # 3 AM, when it was slow
GUILTY = "checkout::json::Writer::escape(std::string_view)"

FRAMES = {
    "thread": ("clone3", "", 0), "run": ("checkout::Server::run(unsigned int)", "src/server.cc", 88),
    "ioc": ("boost::asio::detail::scheduler::run(boost::system::error_code&)", "asio/scheduler.ipp", 210),
    "handle": ("checkout::Session::handle(checkout::Request const&)", "src/session.cc", 64),
    "price": ("checkout::Cart::price(checkout::TaxTable const&) const", "src/cart.cc", 119),
    "tax": ("checkout::TaxTable::rate(std::string_view) const", "src/tax.cc", 33),
    "parse": ("checkout::json::Parser::parse_value(checkout::json::Cursor&)", "src/json.cc", 151),
    "string": ("checkout::json::Parser::parse_string(checkout::json::Cursor&)", "src/json.cc", 97),
    "write": ("checkout::json::Writer::write_value(checkout::json::Value const&, int)", "src/json.cc", 342),
    "escape": (GUILTY, "src/json.cc", 301), "malloc": ("malloc", "", 0), "memmove": ("__memmove_avx_unaligned_erms", "", 0),
    "epoll": ("epoll_wait", "", 0), "sha": ("sha256_block_data_order_avx2", "", 0),
    "rank": ("checkout::search::Ranker::score(checkout::search::Query const&)", "src/rank.cc", 77),
    "index": ("checkout::search::Index::lookup(std::string_view) const", "src/index.cc", 140),
    "log": ("checkout::(anonymous namespace)::log_line(char const*, ...)", "src/log.cc", 22),
}

# (endpoint, tenant, frames, cores, cores added while it is slow, how much follows the day)
PATHS = [
    ("/pay", "acme", "handle price tax", 0.11, 0, 1), ("/pay", "globex", "handle price", 0.07, 0, 1),
    ("/pay", "globex", "handle write write escape", 0.03, 1.25, 1),
    ("/pay", "globex", "handle write write escape memmove", 0.02, 0.42, 1),
    ("/pay", "acme", "handle sha", 0.09, 0, 1), ("/pay", "acme", "handle parse string malloc", 0.05, 0.02, 1),
    ("/cart", "acme", "handle parse parse string", 0.12, 0, 1), ("/cart", "globex", "handle parse malloc", 0.06, 0, 1),
    ("/cart", "acme", "handle write memmove", 0.04, 0, 1), ("/search", "", "handle index", 0.16, 0, 1),
    ("/search", "", "handle rank", 0.21, 0, 1), ("/search", "", "handle rank malloc", 0.05, 0, 1),
    ("/api/v2/items", "acme", "handle parse", 0.05, 0, 1), ("/api/v2/orders", "globex", "handle write", 0.04, 0, 1),
    ("/healthz", "", "handle log", 0.01, 0, 0), ("", "", "epoll", 0.05, 0, 0), ("", "acme", "log", 0.02, 0, 0),
]


def labels_of(endpoint, tenant):
    return tuple((k, v) for k, v in (("endpoint", endpoint), ("tenant", tenant)) if v)


STACKS = [tuple(FRAMES[k] for k in ["thread", "run", "ioc"] + path.split()) for _, _, path, *_ in PATHS]
LABELS = [labels_of(endpoint, tenant) for endpoint, tenant, *_ in PATHS]


def cpu_at(t, length):
    """CPU ns of each path in the window that begins at `t`: a day's wave, a little noise, the slow hour."""
    hour = t / HOUR_MS % 24
    wave = 0.55 + 0.45 * math.sin((hour - 8) / 24 * 2 * math.pi)
    slow = SLOW_MS[0] <= t < SLOW_MS[1]
    return [int(length * 1e6 * (base * (1 + follows * (wave - 1)) * (1 + 0.12 * math.sin(t / 37_000 + 7 * i)) +
                                (more if slow else 0)))
            for i, (_, _, _, base, more, follows) in enumerate(PATHS)]


def windows_of(hours):
    """[(begin, length, CPU of each path)]: the last six hours as they were, older ones merged."""
    out, t = [], NOW_MS - int(hours * HOUR_MS)
    while t < NOW_MS:
        age = NOW_MS - t
        length = 600_000 if age > 12 * HOUR_MS else 60_000 if age > 6 * HOUR_MS else WINDOW_MS
        out.append((t, length, cpu_at(t, length)))
        t += length
    return out


class Bad(Exception):
    def __init__(self, message, parameter=None, status=400):
        super().__init__(message)
        self.parameter, self.status = parameter, status


class MockProcess:
    """Serves `page` under `policy`; everything that tests change is an attribute."""

    def __init__(self, page, policy, hours=24):
        self.page, self.policy = page, policy
        self.windows = windows_of(hours)
        self.now_ms = NOW_MS
        self.state, self.note = "running", ""
        self.token = None
        self.failure = None  # Bad: what /api/ answers, but for status
        self.is_gone = False  # connections are closed unanswered
        self.delays_s = []  # how long the next profile answers take
        self.big = {}  # "profile" and "diff": answers ready made
        self.asked = []  # (path, [(name, value)]) of each question
        process = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                process.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a browser that hangs up
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- HTTP

    def answer(self, handler):
        parts = urlsplit(handler.path)
        params = parse_qsl(parts.query, keep_blank_values=True)
        self.asked.append((parts.path, params))
        if self.is_gone:
            handler.close_connection = True
            return
        try:
            given = handler.headers.get("Authorization", "")
            if self.token and given != f"Bearer {self.token}" and parts.path != "/":
                raise Bad("a token is needed", status=401)
            kind, body, headers = self.route(parts.path, params)
            status = 200
        except Bad as bad:
            error = {"message": str(bad), **({"parameter": bad.parameter} if bad.parameter else {})}
            status, kind, headers = bad.status, "application/json", {}
            body = json.dumps({"error": error}).encode()
        try:
            handler.send_response(status)
            fixed = {"Content-Type": kind, "Content-Length": str(len(body)), "X-Content-Type-Options": "nosniff",
                     "Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store"}
            if status == 401:
                fixed["WWW-Authenticate"] = 'Bearer realm="podo"'
            for name, value in {**fixed, **headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass  # a question that a newer one ended

    def route(self, path, params):
        if path == "/":
            return "text/html; charset=utf-8", self.page, {"Content-Security-Policy": self.policy}
        if path == "/api/v1/status":
            return self.json(self.status())
        if self.failure:
            raise self.failure
        if path in ("/api/v1/profile", "/api/v1/diff"):
            if self.delays_s:
                time.sleep(self.delays_s.pop(0))
            if dict(params).get("format", "json") == "pprof":
                return "application/octet-stream", b"\x1f\x8bmock", {"Content-Disposition": "attachment"}
        answers = {"/api/v1/timeline": self.timeline, "/api/v1/labels": self.labels,
                   "/api/v1/profile": self.profile, "/api/v1/diff": self.difference}
        if path not in answers:
            raise Bad("no such question", status=404)
        return self.json(answers[path](params))

    @staticmethod
    def json(value):
        return "application/json", value if isinstance(value, bytes) else json.dumps(value).encode(), {}

    # ---- answers

    def status(self):
        kept = self.windows
        history = {"begin_ms": kept[0][0] if kept else None, "end_ms": kept[-1][0] + kept[-1][1] if kept else None,
                   "windows": len(kept), "bytes": 1835008, "max_bytes": 16777216, "disk_bytes": 0}
        return {"service": "checkout", "instance_id": "i-1", "version": "1.8.2", "pid": 4711, "host": "shop-1",
                "started_ms": kept[0][0] if kept else self.now_ms - 3000, "now_ms": self.now_ms, "state": self.state,
                "window_ms": WINDOW_MS, "sample_hz": 100, "sampling_ratio": 0.998, "history": history, "note": self.note}

    def chosen(self, params, prefix=""):
        """The windows of the range, and which paths pass the filters."""
        given = dict(params)
        try:
            begin, end = (float(given[prefix + name]) for name in ("from", "until"))
        except (KeyError, ValueError):
            raise Bad(f"{prefix}from: not a time", f"{prefix}from") from None
        equal, patterns = {}, []
        for name, value in params:
            if name.startswith("label."):
                equal.setdefault(name[6:], set()).add(value)
            elif name.startswith("label~."):
                try:
                    patterns.append((name[7:], re.compile(value)))
                except re.error as error:
                    raise Bad(f'{name}: "{value}" is no regular expression: {error}', name) from None
        found = [dict(labels) for labels in LABELS]
        passing = [i for i, labels in enumerate(found)
                   if all(labels.get(k, "") in values for k, values in equal.items())
                   and all(p.fullmatch(labels.get(k, "")) for k, p in patterns)]
        return [w for w in self.windows if begin <= w[0] < end], passing

    @staticmethod
    def resolution(windows):
        if not windows:
            return {"windows": 0, "from_ms": None, "until_ms": None, "longest_window_ms": 0, "folded": False}
        longest = max(length for _, length, _ in windows)
        return {"windows": len(windows), "from_ms": windows[0][0], "until_ms": windows[-1][0] + windows[-1][1],
                "longest_window_ms": longest, "folded": longest > 60_000}

    def timeline(self, params):
        windows, passing = self.chosen(params)
        given = dict(params)
        by, most = given.get("by", ""), int(given.get("points", 600))
        value_of = [dict(LABELS[i]).get(by, "") if by else "" for i in range(len(PATHS))]
        values = sorted({value_of[i] for i in passing}, key=lambda v: -sum(
            w[2][i] for w in windows for i in passing if value_of[i] == v)) if by else [""]
        shown, rest = values[:10], len(values) > 10
        each = -(-len(windows) // most) if windows else 1
        points = []
        for at in range(0, len(windows), each):
            some = windows[at:at + each]
            cpu = [0] * (len(shown) + rest)
            for _, _, costs in some:
                for i in passing:
                    cpu[shown.index(value_of[i]) if value_of[i] in shown else -1] += costs[i]
            points.append({"t": some[0][0], "d": some[-1][0] + some[-1][1] - some[0][0], "cpu": cpu})
        return {"by": by, "values": shown, "rest": rest, "points": points, "resolution": self.resolution(windows)}

    def labels(self, params):
        windows, passing = self.chosen(params)
        keys = {}
        for i in passing:
            for key, value in LABELS[i]:
                sums = keys.setdefault(key, {})
                sums[value] = sums.get(value, 0) + sum(w[2][i] for w in windows)
        return {"labels": [{"key": key, "more": 0, "values": [
            {"value": v, "cpu_ns": x} for v, x in sorted(sums.items(), key=lambda one: -one[1])]}
            for key, sums in keys.items()]}

    @staticmethod
    def side(windows, passing):
        sums = {}
        for i in passing:
            key = (STACKS[i], LABELS[i])
            sums[key] = sums.get(key, 0) + sum(w[2][i] for w in windows)
        return sums if windows else {}

    def document(self, *sides):
        return flame_json.document(
            "checkout", [self.side(*one) for one in sides],
            [sum(length for _, length, _ in windows) * 1_000_000 for windows, _ in sides],
            [windows[0][0] if windows else 0 for windows, _ in sides])

    def profile(self, params):
        if "profile" in self.big:
            return self.big["profile"]
        windows, passing = self.chosen(params)
        return {"resolution": self.resolution(windows), "flame": self.document((windows, passing))}

    def difference(self, params):
        if "diff" in self.big:
            return self.big["diff"]
        after, before = self.chosen(params), self.chosen(params, "base_")
        return {"resolution": self.resolution(after[0]), "base_resolution": self.resolution(before[0]),
                "flame": self.document(before, after)}
