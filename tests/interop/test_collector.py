#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 1200
"""podo's OTLP requests through two real OpenTelemetry Collectors into a file: nothing is missing,
nothing is there twice, and what a gateway adds is there too."""

import collections
import gzip
import os
import re
import shutil
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import collector  # noqa: E402
import encoded  # noqa: E402
import otlp_request  # noqa: E402
import pypi  # noqa: E402
import tap  # noqa: E402

ADDED = {"gateway.zone": "eu-1", "gateway.name": "a"}
SENTENCE = "podo's requests pass two OpenTelemetry Collectors unchanged"


def post(url, body, coding="gzip"):
    """(status, answer) of a request as podo's OTLP sink sends it."""
    headers = {"Content-Type": "application/x-protobuf", "OTLP-Profiles-Development-Version": "1"}
    if coding == "gzip":
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    elif coding == "zstd":
        body = tap.run([shutil.which("zstd"), "-q"], stdin=body, text=False).stdout
        headers["Content-Encoding"] = "zstd"
    request = urllib.request.Request(url + "/v1development/profiles", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def together(requests):
    found = collections.Counter()
    for request in requests:
        for profile in request.profiles:
            found.update(request.samples(profile))
    return found


def check_arrived(name, gateways, path, requests):
    first, last = gateways
    before = len(otlp_request.read_json_lines(last.arrivals))
    answers = [post(first.url, r) for r in requests]
    tap.check(f"{name}: the gateway says yes to every request, without a partial success",
              all(status == 200 and otlp_partial(body) == "" for status, body in answers), answers)
    arrived = tap.wait_until(lambda: (
        found := otlp_request.read_json_lines(last.arrivals)[before:]) and len(found) >= len(requests)
        and found, 30) or []
    if not tap.check_equal(f"{name}: each request arrives once behind two gateways", len(arrived),
                           len(requests)):
        print("\n".join("  | " + l for g in gateways for l in g.log().splitlines()))
        return
    profile = encoded.read(path)
    tap.check_equal(f"{name}: every sample once, with names, lines, labels, links, addresses",
                    together(arrived), encoded.samples(profile))
    tap.check_equal(f"{name}: no rule of the proto is broken behind the gateways",
                    sorted(set(f for r in arrived for f in otlp_request.faults(r, inline=False))), [])
    tap.check_equal(f"{name}: the ids are those that were sent",
                    sorted(p.profile_id for r in arrived for p in r.profiles),
                    sorted(p.profile_id for b in requests for p in otlp_request.Request(b).profiles))
    tap.check(f"{name}: resource attributes arrive, with what the gateway added",
              all(r.resource_attributes() == {"service.name": "checkout", "process.pid": 42, **ADDED}
                  for r in arrived), [r.resource_attributes() for r in arrived])
    ids = {v for r in arrived for m in r.tables.mapping_table
           for k, v, _ in r.attributes(m.attribute_indices) if k == "process.executable.build_id.gnu"}
    tap.check_equal(f"{name}: mappings keep their build ids", ids,
                    {m["build_id"] for m in profile.mappings.values() if m["build_id"]})


def otlp_partial(body):
    from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
    return str(profiles_service_pb2.ExportProfilesServiceResponse.FromString(body).partial_success)


def check_refusals(gateway):
    request = encoded.encode("otlp", encoded.known("before"))[0]
    for coding in ("none", "zstd"):
        if coding == "zstd" and not shutil.which("zstd"):
            tap.skip("the collector takes zstd", "zstd")
            continue
        status, body = post(gateway.url, request, coding)
        tap.check_equal(f"the collector takes coding {coding}", (status, otlp_partial(body)), (200, ""))
    status, body = post(gateway.url, b"\xff" + request)
    tap.check("the collector refuses garbage with 400 and words", status == 400 and body, (status, body))


def check_documented(program):
    """docs/collectors.md shows a configuration that the Collector takes."""
    folder = tap.temp_dir()
    with open(os.path.join(tap.source_dir(), "docs", "collectors.md"), encoding="utf-8") as f:
        shown = re.findall(r"^```yaml\n(.*?)^```$", f.read(), re.MULTILINE | re.DOTALL)
    for number, text in enumerate(shown):
        path = os.path.join(folder, f"{number}.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("/var/lib/otelcol", folder))
        result = tap.run([program, "validate", "--config", path,
                          "--feature-gates=service.profilesSupport"], 30)
        tap.check("the documented configuration is one that the Collector takes",
                  result.returncode == 0, result)
    tap.check_equal("one configuration is documented", len(shown), 1)


def main():
    if not pypi.use(os.path.join(tap.source_dir(), "tests", "interop", "requirements.txt")):
        tap.skip(SENTENCE, "opentelemetry-proto, from PyPI")
        return tap.done()
    program = collector.program_for(SENTENCE)
    if program is None:
        return tap.done()
    last = collector.Gateway(program, tap.temp_dir())
    first = collector.Gateway(program, tap.temp_dir(), to=last.url, attributes=ADDED)
    for gateway in (last, first):
        if not tap.check("a gateway starts", gateway.start(), gateway.log()):
            return tap.done()
    check_documented(program)
    known = encoded.known("before")
    check_arrived("known profile", (first, last), known, encoded.encode("otlp", known))
    after = encoded.known("after")
    check_arrived("in parts", (first, last), after, encoded.encode("otlp", after, 600))
    check_refusals(first)
    for gateway in (first, last):
        tap.check("a gateway stops when asked to", gateway.stop(), gateway.log())
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
