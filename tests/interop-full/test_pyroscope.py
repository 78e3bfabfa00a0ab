#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 900
"""A real Grafana Pyroscope: pushed to natively and by OTLP through a real Collector, asked by time
range, service and label, rendered, and compared between two ranges."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import collector  # noqa: E402
import golang  # noqa: E402
import pyroscope  # noqa: E402
import tap  # noqa: E402
from linked_service import Service, host_ticks  # noqa: E402

SENTENCE = "a real Pyroscope shows what podo pushes, and the difference of two ranges"
SERVICE_S = 6  # of each half, in windows of 1 s


def of(service, **labels):
    return "{" + ",".join(f'{k}="{v}"' for k, v in {"service_name": service, **labels}.items()) + "}"


def run(port, scheme, name):
    """A service that turns slow in the middle: its last counters, and the ranges of both halves."""
    service = Service(port, scheme, PODO_SERVICE_NAME=name, PODO_INTERVAL="1s",
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


def check_route(pyro, name, port, scheme, counts):
    stats, light, heavy = run(port, scheme, name)
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
    values = pyro.ask("LabelValues", name="endpoint", start=int(whole[0] * 1000),
                      end=int(whole[1] * 1000), matchers=[of(name)]).get("names")
    tap.check(f"{name}: the labels are known", values is not None
              and set(values) == {"/pay", "/cart"}, values)
    status, page = pyro.render(of(name), *whole)
    tap.check(f"{name}: it is rendered", status == 200
              and "RenderCart(int)" in page["flamebearer"]["names"], str(page)[:300])
    functions, left, right = pyro.difference(of(name), light, heavy)
    shares = {f: v[3] / right - v[1] / left for f, v in functions.items()} if left and right else {}
    tap.check(f"{name}: the difference of two ranges names the guilty function",
              shares and max(shares, key=shares.get) == "RenderCart(int)"
              and shares["RenderCart(int)"] > 0.2, f"{left} {right} {shares}")


def main():
    binary = pyroscope.program()
    if binary is None:
        tap.skip(SENTENCE, "pyroscope in PATH or PODO_TEST_PYROSCOPE")
        return tap.done()
    pyro = pyroscope.Pyroscope(binary, tap.temp_dir())
    if not tap.check("Pyroscope starts", pyro.start(), pyro.log()):
        return tap.done()
    check_route(pyro, "native", pyro.port, "pyroscope+http", True)
    check_route(pyro, "otlp", pyro.port, "otlp+http", False)
    program = collector.program() if golang.find() else None
    if program is None:
        tap.skip("through the Collector", "Go 1.25 or later")
        return tap.done()
    gateway = collector.Gateway(program, tap.temp_dir(), to=f"http://127.0.0.1:{pyro.port}")
    tap.check("the gateway starts", gateway.start(), gateway.log())
    check_route(pyro, "through-collector", gateway.port, "otlp+http", False)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
