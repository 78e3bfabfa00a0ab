#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 300
"""podo's OTLP requests decoded by the published opentelemetry-proto package: every field, and the
rules of the dictionary, on a known profile and on one of a real program."""

import collections
import glob
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import encoded  # noqa: E402
import profiled  # noqa: E402
import pypi  # noqa: E402
import tap  # noqa: E402
from otlp_request import Request, faults, value_of  # noqa: E402

TEMP = tap.temp_dir()
ID = bytes(range(16))


def check_mappings(request, profile, name):
    expected = {m["file"]: m for m in profile.mappings.values()}
    wrong = []
    for mapping in request.tables.mapping_table[1:]:
        m = expected[request.text(mapping.filename_strindex)]
        got = {k: v for k, v, _ in request.attributes(mapping.attribute_indices)}
        if (mapping.memory_start, mapping.memory_limit, mapping.file_offset) != (
                m["start"], m["limit"], m["offset"]) or got != (
                {"process.executable.build_id.gnu": m["build_id"]} if m["build_id"] else {}):
            wrong.append((m, str(mapping), got))
    tap.check(f"{name}: mappings carry addresses, offsets and build ids", not wrong, wrong)


def check_file(path, name):
    profile = encoded.read(path)
    expected = encoded.samples(profile)
    requests = encoded.encode("otlp", path)
    if not tap.check_equal(f"{name}: one request holds it", len(requests), 1):
        return
    request = Request(requests[0])
    tap.check_equal(f"{name}: no rule of the proto is broken", faults(request), [])
    tap.check_equal(f"{name}: one Profile message", len(request.profiles), 1)
    sent = request.profiles[0]
    tap.check_equal(f"{name}: every sample arrives: stack with lines, labels, link, value",
                    request.samples(sent), expected)
    tap.check_equal(
        f"{name}: types, period, time, duration, id",
        ([request.text(i) for i in (sent.sample_type.type_strindex, sent.sample_type.unit_strindex,
                                    sent.period_type.type_strindex, sent.period_type.unit_strindex)],
         sent.period, sent.time_unix_nano, sent.duration_nano, sent.profile_id),
        (["samples", "count", "cpu", "nanoseconds"], profile.period, profile.time_ns,
         profile.duration_ns, ID))
    tap.check_equal(f"{name}: comments are an attribute of the profile",
                    request.attributes(sent.attribute_indices),
                    (("pprof.profile.comment", profile.comments, ""),))
    check_mappings(request, profile, name)
    natives = {bool(l.mapping_index): request.attributes(l.attribute_indices)
               for l in request.tables.location_table[1:]}
    tap.check_equal(f"{name}: frames of mappings are native ones", natives.get(True),
                    (("profile.frame.type", "native", ""),))
    tap.check_equal(f"{name}: resource and scope",
                    ({a.key: value_of(a.value) for a in request.resource.resource.attributes},
                     request.scope.scope.name, request.scope.scope.version,
                     request.scope.schema_url == request.resource.schema_url != ""),
                    ({"service.name": "checkout", "process.pid": 42}, "podo", "0.1.0", True))
    check_parts(path, name, expected, len(requests[0]))


def check_parts(path, name, expected, whole_bytes):
    limit = whole_bytes // 3
    requests = [Request(r) for r in encoded.encode("otlp", path, limit)]
    sizes = [r.message.ByteSize() for r in requests]
    tap.check(f"{name}: a limit of a third of its bytes makes parts below it",
              len(requests) > 2 and (max(sizes) <= limit or any(len(r.profiles[0].samples) == 1
                                                                for r in requests)), sizes)
    tap.check_equal(f"{name}: no rule is broken in any part", sum(map(faults, requests), []), [])
    together = collections.Counter()
    for request in requests:
        together.update(request.samples(request.profiles[0]))
    tap.check_equal(f"{name}: the parts add up to the whole", together, expected)
    ids = [r.profiles[0].profile_id for r in requests]
    tap.check(f"{name}: every part has an id of its own, the first the given one",
              len(set(ids)) == len(ids) and ids[0] == ID, ids)


def real_profile():
    """A window of zstd under the preload library."""
    data = os.path.join(TEMP, "data")
    with open(data, "wb") as f:
        for i in range(400_000):
            f.write(b"%d times %d is %d\n" % (i, i * 7919 % 10007, i * i))
    directory = tap.temp_dir()
    result = tap.run([shutil.which("zstd"), "-19", "-q", "-f", data, "-o", data + ".zst"], 120,
                     env=profiled.environment(directory, PODO_INTERVAL="60s"))
    files = sorted(glob.glob(os.path.join(directory, "*.pb.gz")))
    tap.check("zstd is profiled into a file", result.returncode == 0 and len(files) == 1, result)
    return files[0] if files else None


def main():
    manifest = os.path.join(tap.source_dir(), "tests", "interop", "requirements.txt")
    if not pypi.use(manifest):
        tap.skip("opentelemetry-proto decodes podo's OTLP requests", "opentelemetry-proto, from PyPI")
        return tap.done()
    check_file(encoded.known("before"), "known profile")
    if not shutil.which("zstd"):
        tap.skip("a profile of zstd goes the same way", "zstd")
    elif path := real_profile():
        check_file(path, "profile of zstd")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
