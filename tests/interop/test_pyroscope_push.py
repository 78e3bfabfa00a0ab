#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 300
"""What a Pyroscope would get, recorded byte by byte and read by protobuf's own decoder after the
published push.v1: nothing in it is of the kind that Pyroscope refuses, or drops without a word.
tests/interop-full asks a real one."""

import collections
import gzip
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import pprof_file  # noqa: E402
import pypi  # noqa: E402
import tap  # noqa: E402
import weather  # noqa: E402
from linked_service import Service, host_ticks, spooled  # noqa: E402

TEMP = tap.temp_dir()
# push.v1 of github.com/grafana/pyroscope/api v1.5.0: message -> (field, number, type, repeated)
PUSH = {"LabelPair": [("name", 1, "string", False), ("value", 2, "string", False)],
        "RawSample": [("raw_profile", 1, "bytes", False), ("ID", 2, "string", False)],
        "RawProfileSeries": [("labels", 1, "LabelPair", True), ("samples", 2, "RawSample", True)],
        "PushRequest": [("series", 1, "RawProfileSeries", True)]}


def push_request_class():
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="push.proto", package="push.v1", syntax="proto3")
    for name, fields in PUSH.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind, repeated in fields:
            one = message.field.add(name=field_name, number=number)
            one.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            one.type = {"string": field.TYPE_STRING, "bytes": field.TYPE_BYTES}.get(kind,
                                                                                    field.TYPE_MESSAGE)
            if kind in PUSH:
                one.type_name = ".push.v1." + kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("push.v1.PushRequest"))


def profile_of(sample):
    path = os.path.join(TEMP, "pushed.pb.gz")
    with open(path, "wb") as f:
        f.write(sample.raw_profile)
    return pprof_file.Profile(path)


def faults(push, size):
    """What Pyroscope 2.2 refuses, or drops without an error."""
    found = [] if push.ByteSize() == size else ["fields that push.v1 does not know"]
    for series in push.series:
        names = [l.name for l in series.labels]
        if not {"__name__", "service_name"} <= set(names) or len(set(names)) != len(names):
            found.append(f"labels {names}")
        if len(names) > 30 or any(len(l.name) > 1024 or not 0 < len(l.value) <= 2048
                                  for l in series.labels):
            found.append(f"more labels, or longer ones, than its limits: {series.labels}")
        for sample in series.samples:
            uuid.UUID(sample.ID)
            found += profile_faults(profile_of(sample), len(gzip.decompress(sample.raw_profile)))
    return found


def profile_faults(profile, size):
    found = []
    if size > 4 << 20 or not 0 < len(profile.samples) <= 16000:
        found.append(f"{size} bytes, {len(profile.samples)} samples")
    if profile.strings[0] != "" or any("-" in name for name, _ in profile.types):
        found.append(f"first string {profile.strings[0]!r}, types {profile.types}")
    for frames, labels, values in profile.samples:
        if len(values) != len(profile.types) or min(values) < 0 or not any(values):
            found.append(f"values {values}")
        if any(not isinstance(value, str) for _, value, _ in labels) or len(labels) > 100:
            found.append(f"labels {labels}")
        if any(not lines and not address for _, address, lines in frames):
            found.append("a location with neither line nor address")
    return found


def main():
    if not pypi.use(os.path.join(tap.source_dir(), "tests", "interop", "requirements.txt")):
        tap.skip("podo's pushes are what Pyroscope takes", "protobuf, from PyPI")
        return tap.done()
    kind, front, spool = push_request_class(), weather.Front(0), tap.temp_dir()
    front.turn(weather.answering(503))
    service = Service(front.port, "pyroscope+http", PODO_SPOOL_DIR=spool, PODO_TENANT="shop",
                      PODO_HEADERS="X-Scope-Note=a%2Cb")
    tap.wait_until(lambda: len(front.exchanges) >= 3, 30)
    tap.check("refused for now, pushes wait on disk", tap.wait_until(lambda: spooled(spool)))
    front.turn(weather.answering(200))
    stats = service.end(spool)
    taken = [e for e in front.exchanges if e.answered == 200]
    tap.check("all is pushed once, nothing is lost", stats["written"] == len(taken) >= 3
              and stats["lost"] == 0, stats)
    tap.check_equal("path, type, tenant and headers are those of a push; the profile in it is gzip, the push is not",
                    {(e.path, *(e.headers.get(h) for h in (
                        "Content-Type", "Content-Encoding", "Connect-Protocol-Version", "X-Scope-OrgID",
                        "X-Scope-Note"))) for e in front.exchanges},
                    {("/push.v1.PusherService/Push", "application/proto", None, "1", "shop", "a,b")})
    pushes = []
    for exchange in taken:
        pushes.append((kind.FromString(exchange.body), len(exchange.body)))
    tap.check_equal("nothing in it is of a kind that Pyroscope refuses or drops",
                    [f for push, size in pushes for f in faults(push, size)], [])
    series = [s for push, _ in pushes for s in push.series]
    wanted = {"__name__": "process_cpu", "service_name": "checkout", "team": "shop",
              "__delta__": "false"}
    tap.check("the series have name, service and the user's labels", all(
        wanted.items() <= {l.name: l.value for l in s.labels}.items() for s in series), series[:1])
    samples = [s for one in series for s in one.samples]
    tap.check("every push has an id of its own", len({s.ID for s in samples}) == len(samples), samples)
    ids = collections.defaultdict(set)
    for exchange in front.exchanges:
        for one in kind.FromString(exchange.body).series:
            ids[tuple(s.ID for s in one.samples)].add(exchange.sha256)
    tap.check("a push that is sent again is byte-identical", all(len(h) == 1 for h in ids.values())
              and len(front.exchanges) > len(ids), ids)
    profiles = [profile_of(s) for s in samples]
    tap.check_equal("every sample is in a push", sum(v[0] for p in profiles for _, _, v in p.samples),
                    host_ticks(stats))
    labels = {(k, v) for p in profiles for _, found, _ in p.samples for k, v, _ in found}
    tap.check("labels and spans are labels of the samples", {("endpoint", "/pay"), ("endpoint", "/cart")}
              <= labels and {"span_id", "trace_id"} <= {k for k, _ in labels}, labels)
    front.close_door()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
