#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 900
"""A real Grafana Pyroscope: pushed to natively and by OTLP through a real Collector, asked by time
range, service and label, rendered, and compared between two ranges."""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import collector  # noqa: E402
import pyroscope  # noqa: E402
import tap  # noqa: E402
from linked_service import Service, host_ticks  # noqa: E402

SENTENCE = "a real Pyroscope shows what podo pushes, and the difference of two ranges"
ADDED = {"gateway.zone": "eu-1"}
SERVICE_S = 6  # of each half, in windows of 1 s


def of(service, **labels):
    return "{" + ",".join(f'{k}="{v}"' for k, v in {"service_name": service, **labels}.items()) + "}"


def run(port, scheme, name, path):
    """A service that turns slow in the middle: its last counters, and the ranges of both halves."""
    service = Service(port, scheme, path, PODO_SERVICE_NAME=name, PODO_INTERVAL="1s",
                      OTEL_EXPORTER_OTLP_TIMEOUT="10000")
    tap.wait_until(lambda: service.ask()["ticks"] > 0)
    began = time.time()
    tap.wait_until(lambda: service.ask()["windows"] >= SERVICE_S, 60, 0.2)
    middle = time.time()
    service.ask("slow")
    # A window belongs to its begin: the one in which the change fell is left to neither half.
    windows = service.ask()["windows"]
    tap.wait_until(lambda: service.ask()["windows"] > windows, 20)
    changed = time.time()
    tap.wait_until(lambda: service.ask()["windows"] >= windows + SERVICE_S, 60, 0.2)
    stats = service.end()
    return stats, (began - 1.5, middle - 1.1), (changed, time.time())


def check_route(pyro, name, port, scheme, counts, path="", labels=()):
    stats, light, heavy = run(port, scheme, name, path)
    tap.check(f"{name}: every profile is taken", stats["written"] >= 2 * SERVICE_S
              and (stats["errors"], stats["lost"]) == (0, 0), stats)
    whole = (light[0] - 1, heavy[1] + 1)
    kind = pyroscope.SAMPLES if counts else pyroscope.CPU
    tap.wait_until(lambda: "RenderCart(int)" in pyro.functions(of(name), *whole)[0], 30, 0.5)
    if counts:  # OTLP arrives as CPU time only
        tap.wait_until(lambda: pyro.functions(of(name), *whole, kind)[1] >= host_ticks(stats), 30, 0.5)
        tap.check_equal(f"{name}: every sample is there, asked by service and time",
                        pyro.functions(of(name), *whole, kind)[1], host_ticks(stats))
    before, after = (pyro.functions(of(name), *span)[1] for span in (light, heavy))
    nothing = pyro.functions(of(name), light[0] - 600, light[0] - 300)[1]
    tap.check(f"{name}: a range of time has its own samples", before > 0 and after > 0 and nothing == 0,
              f"{before} {after} {nothing}")
    for endpoint, own, other in (("/pay", "ChargeCard(int)", "RenderCart(int)"),
                                 ("/cart", "RenderCart(int)", "ChargeCard(int)")):
        functions, total = pyro.functions(of(name, endpoint=endpoint), *whole)
        tap.check(f"{name}: asked by label, {endpoint} has its function and not the other's",
                  own in functions and other not in functions and total > 0, functions)
    if not path:  # a pprof by template has spans as labels; Pyroscope keeps them so, too, but not here
        one, part = pyro.of_spans(of(name), ["cd01000000000000"], *whole)
        none = pyro.of_spans(of(name), ["ee01000000000000"], *whole)[1]
        everything = pyro.functions(of(name), *whole)[1]
        tap.check(f"{name}: asked by span, one of four has a part of the time, a stranger none",
                  0.1 < part / everything < 0.5 and none == 0 and "ChargeCard(int)" in one, f"{part} {everything} {none}")
    values = pyro.ask("LabelValues", name="endpoint", start=int(whole[0] * 1000),
                      end=int(whole[1] * 1000), matchers=[of(name)]).get("names")
    tap.check(f"{name}: the labels are known", values is not None
              and set(values) == {"/pay", "/cart"}, values)
    found = pyro.ask("Series", labelNames=[], matchers=[of(name)], start=int(whole[0] * 1000),
                     end=int(whole[1] * 1000)).get("labelsSet", [])
    found = [{l["name"]: l["value"] for l in one["labels"]} for one in found]
    wanted = {"service_name": name, "team": "shop", **dict(labels)}
    if not path:  # a template has no place for them
        tap.check(f"{name}: what is known of the process are labels of its series", found and all(
            wanted.items() <= f.items() and {"host_name", "host.name"} & set(f) for f in found), found[:1])
    status, page = pyro.render(of(name), *whole)
    tap.check(f"{name}: it is rendered", status == 200
              and "RenderCart(int)" in page["flamebearer"]["names"], str(page)[:300])
    functions, left, right = pyro.difference(of(name), light, heavy)
    shares = {f: v[3] / right - v[1] / left for f, v in functions.items()} if left and right else {}
    tap.check(f"{name}: the difference of two ranges names the guilty function",
              shares and max(shares, key=shares.get) == "RenderCart(int)"
              and shares["RenderCart(int)"] > 0.2, f"{left} {right} {sorted(shares.items(), key=lambda s: -abs(s[1]))[:5]}")


def check_story(pyro):
    """The quickstart's shop: one kind of checkout turns slow; Pyroscope's difference names the function."""
    shop = os.path.join(tap.build_dir(), "examples", "checkout_service")
    env = tap.clean_environment(PODO_EXPORT=f"pyroscope+http://127.0.0.1:{pyro.port}", PODO_INTERVAL="1s",
                                PODO_SERVICE_NAME="story")
    service = tap.start([os.path.join(shop, "checkout_service"), "--port", "0"], env=env, text=True,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    port = re.search(r":(\d+)$", service.stdout.readline())[1]

    def load(seconds, nested):
        began = time.time()
        result = tap.run([os.path.join(shop, "checkout_load"), "--port", port, "--seconds", str(seconds),
                          "--nested-share", str(nested)], seconds + 60)
        tap.check(f"story: customers are served, {nested} of them with nested notes", result.returncode == 0, result)
        return began + 1.1, time.time() - 1.1  # whole windows

    named = lambda functions: next((f for f in functions if "AppendNestedValue" in f), None)
    load(3, 0)
    # podo reads symbols at idle priority: both kinds of requests are shown until their names are known.
    begin = time.time()
    known = any(load(3, 0.2) and named(pyro.functions(of("story"), begin, time.time())[0]) for _ in range(30))
    tap.check("story: names are found", known)
    before, after = load(8, 0), load(8, 0.2)
    service.terminate()
    service.wait(20)
    tap.wait_until(lambda: named(pyro.functions(of("story"), *after)[0]), 30, 0.5)
    functions, left, right = pyro.difference(of("story"), before, after)
    grown = {f: v[2] / right - v[0] / left for f, v in functions.items()} if left and right else {}
    guilty = named(functions)
    tap.check("story: the difference of two ranges names the guilty function of the checkout",
              guilty and grown[guilty] > 0.2 and grown[guilty] > 0.7 * max(grown.values()),
              f"{left} {right} {sorted(grown.items(), key=lambda g: -g[1])[:8]}")
    endpoint = pyro.functions(of("story", endpoint="/checkout"), *after)[0]
    tap.check("story: asked by label, it is the checkout's", named(endpoint), list(endpoint)[:10])


def main():
    binary = pyroscope.program()
    if binary is None:
        tap.skip(SENTENCE, "pyroscope in PATH or PODO_TEST_PYROSCOPE")
        return tap.done()
    pyro = pyroscope.Pyroscope(binary, tap.temp_dir())
    if not tap.check("Pyroscope starts", pyro.start(), pyro.log()):
        return tap.done()
    check_route(pyro, "native", pyro.port, "pyroscope+http", True)
    check_route(pyro, "by-template", pyro.port, "pprof+http", True,
                "/ingest?name={service}&from={start}&until={end}&format=pprof&sampleRate={hz}")
    check_story(pyro)
    check_route(pyro, "otlp", pyro.port, "otlp+http", False)
    program = collector.program_for("Pyroscope is pushed to through the Collector")
    if program is None:
        return tap.done()
    gateway = collector.Gateway(program, tap.temp_dir(), to=f"http://127.0.0.1:{pyro.port}",
                                attributes=ADDED)
    tap.check("the gateway starts", gateway.start(), gateway.log())
    check_route(pyro, "through-collector", gateway.port, "otlp+http", False, labels=ADDED)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
