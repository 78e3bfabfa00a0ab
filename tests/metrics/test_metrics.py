#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""Real Prometheus and VictoriaMetrics read podo's metrics and name the function that grew."""

import os
import re
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import metric_stores  # noqa: E402
import tap  # noqa: E402
from linked_service import Service  # noqa: E402

RATE = "rate(podo_function_cpu_seconds_total[10s])"
GUILTY = "RenderCart(int)"


def get(port, accept):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def rates(store):
    """{function: CPU seconds a second}"""
    return {metric["function"]: value for metric, value in store.query(RATE)}


def top(store):
    found = rates(store)
    return max(found, key=found.get) if found else None


def check_text(port, service):
    kind, text = get(port, "text/plain")
    tap.check_equal("/metrics says which format it has", kind, "text/plain; version=0.0.4; charset=utf-8")
    checked = metric_stores.check_lines(text)
    tap.check("promtool finds nothing wrong with it",
              checked.returncode == 0 and not checked.stderr and not checked.stdout, checked)
    kind, openmetrics = get(port, "application/openmetrics-text; version=1.0.0")
    tap.check_equal("OpenMetrics is given to who asks for it", kind,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8")
    tap.check("and ends as it must", openmetrics.endswith("\n# EOF\n"), openmetrics[-200:])
    own = service.ask("metrics")["text"]
    series = {line.split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    mine = {line.split(" ")[0] for line in own.splitlines() if not line.startswith("#")}
    tap.check("a service that has a /metrics of its own renders the same families",
              {s.split("{")[0] for s in mine} == {s.split("{")[0] for s in series}, mine ^ series)


def check_story(port, service):
    victoria = metric_stores.victoria_metrics()
    prometheus = metric_stores.prometheus([f"127.0.0.1:{port}"],
                                          f"http://127.0.0.1:{victoria.port}/api/v1/write")
    if not tap.check("Prometheus and VictoriaMetrics start", victoria.started and prometheus.started,
                     victoria.log() + prometheus.log()):
        return
    both = {"Prometheus": prometheus, "VictoriaMetrics, through Prometheus' remote write,": victoria}
    tap.check("Prometheus scrapes the service",
              tap.wait_until(lambda: [v for _, v in prometheus.query("up")] == [1.0], 30, 0.2),
              prometheus.log())
    for name, store in both.items():
        tap.check(f"{name} sees CPU time by function",
                  tap.wait_until(lambda s=store: len(rates(s)) > 1, 60, 0.3), store.log()[-2000:])
    before = rates(prometheus)
    tap.check("before, both requests' functions have CPU time", min(
        before.get(GUILTY, 0), before.get("ChargeCard(int)", 0)) > 0, before)
    service.ask("slow")
    for name, store in both.items():
        tap.check(f"{name} names the function that grew",
                  tap.wait_until(lambda s=store: top(s) == GUILTY and rates(s)[GUILTY] > 3 * before[GUILTY],
                                 60, 0.3), rates(store))
        shares = store.query('topk(1, rate(podo_label_cpu_seconds_total{label="endpoint"}[10s]))')
        tap.check(f"{name} names the endpoint", [m["value"] for m, _ in shares] == ["/cart"], shares)
    names = prometheus.query('count by (__name__) ({__name__=~"podo_.+"})')
    tap.check(f"all of podo's families are stored ({len(names)})", len(names) > 35, names)
    for store in both.values():
        store.end()


def main():
    port = tap.free_port()
    service = Service(port=1, PODO_EXPORT="", PODO_LISTEN=f"127.0.0.1:{port}", PODO_INTERVAL="500ms")
    tap.check("the service has CPU time by function after a window",
              tap.wait_until(lambda: re.search(r"podo_function_cpu_seconds_total\{function=\"RenderCart",
                                               get(port, "text/plain")[1]), 20, 0.1), service.log())
    check_text(port, service)
    check_story(port, service)
    service.end()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
