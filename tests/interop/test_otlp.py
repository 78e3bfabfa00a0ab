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
import pprof_wire  # noqa: E402
import profiled  # noqa: E402
import pypi  # noqa: E402
import tap  # noqa: E402

BUILT = os.path.join(tap.build_dir(), "tests", "unit", "encode")
TEMP = tap.temp_dir()
ID = bytes(range(16))


def encode(file, *limits):
    prefix = os.path.join(TEMP, "request-")
    for old in glob.glob(prefix + "*"):
        os.unlink(old)
    result = tap.run([os.path.join(BUILT, "podo_encode_file"), "otlp", file, prefix,
                      *map(str, limits)])
    if result.returncode != 0:
        tap.check("the file is encoded", False, result)
        return []
    requests = []
    for i in range(int(result.stdout)):
        with open(prefix + str(i), "rb") as f:
            requests.append(f.read())
    return requests


def value_of(any_value):
    kind = any_value.WhichOneof("value")
    value = getattr(any_value, kind)
    return [value_of(v) for v in value.values] if kind == "array_value" else value


class Request:
    def __init__(self, data):
        from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
        self.message = profiles_service_pb2.ExportProfilesServiceRequest.FromString(data)
        known = profiles_service_pb2.ExportProfilesServiceRequest.FromString(data)
        known.DiscardUnknownFields()
        self.unknown_bytes = len(data) - known.ByteSize()
        self.tables = self.message.dictionary
        self.resource = self.message.resource_profiles[0]
        self.scope = self.resource.scope_profiles[0]
        self.profiles = list(self.scope.profiles)

    def text(self, index):
        return self.tables.string_table[index]

    def attributes(self, indices):
        table = [self.tables.attribute_table[i] for i in indices]
        return tuple(sorted((self.text(a.key_strindex), value_of(a.value),
                             self.text(a.unit_strindex)) for a in table))

    def location(self, index):
        location = self.tables.location_table[index]
        mapping = self.tables.mapping_table[location.mapping_index]
        lines = []
        for line in location.lines:
            function = self.tables.function_table[line.function_index]
            lines.append((self.text(function.name_strindex), self.text(function.system_name_strindex),
                          self.text(function.filename_strindex), line.line))
        return (self.text(mapping.filename_strindex), location.address, tuple(lines))

    def samples(self, profile):
        found = collections.Counter()
        for sample in profile.samples:
            stack = self.tables.stack_table[sample.stack_index].location_indices
            link = self.tables.link_table[sample.link_index]
            labels = list(self.attributes(sample.attribute_indices))
            if sample.link_index:
                labels += [("trace_id", link.trace_id.hex(), ""), ("span_id", link.span_id.hex(), "")]
            found[tuple(map(self.location, stack)), tuple(sorted(labels))] += sample.values[0]
        return found


def faults(request):
    """Breaches of the rules in the comments of profiles.proto."""
    tables = request.tables
    found = []
    used = collections.defaultdict(set)
    if request.unknown_bytes:
        found.append(f"{request.unknown_bytes} bytes of unknown fields")
    for name in ("mapping", "location", "function", "link", "string", "attribute", "stack"):
        table = getattr(tables, name + "_table")
        zero = "" if name == "string" else type(table[0])() if table else None
        if not table or table[0] != zero:
            found.append(f"{name}_table does not begin with the zero value")
        content = [e if name == "string" else e.SerializeToString(deterministic=True) for e in table]
        if len(set(content)) != len(content):
            found.append(f"{name}_table has duplicates")
    for attribute in tables.attribute_table:
        used["string"] |= {attribute.key_strindex, attribute.unit_strindex}
    for profile in request.profiles:
        for kind in ("sample_type", "period_type"):
            if not profile.HasField(kind):
                found.append(f"no {kind}")
            type_ = getattr(profile, kind)
            used["string"] |= {type_.type_strindex, type_.unit_strindex}
        if len(profile.profile_id) != 16 or not any(profile.profile_id):
            found.append("profile_id")
        if profile.period < 0 or not profile.samples:
            found.append("period or samples")
        used["attribute"] |= set(profile.attribute_indices)
        identities = set()
        for sample in profile.samples:
            identity = (sample.stack_index, frozenset(sample.attribute_indices), sample.link_index)
            if identity in identities:
                found.append(f"sample twice: {identity}")
            identities.add(identity)
            if len(sample.values) != 1 or sample.timestamps_unix_nano:
                found.append("not one value without timestamps")
            keys = [tables.attribute_table[i].key_strindex for i in sample.attribute_indices]
            if len(set(keys)) != len(keys):
                found.append("a key twice on a sample")
            used["stack"].add(sample.stack_index)
            used["link"].add(sample.link_index)
            used["attribute"] |= set(sample.attribute_indices)
    for stack in tables.stack_table:
        used["location"] |= set(stack.location_indices)
    for location in tables.location_table:
        used["mapping"].add(location.mapping_index)
        used["attribute"] |= set(location.attribute_indices)
        used["function"] |= {line.function_index for line in location.lines}
    for mapping in tables.mapping_table:
        used["string"].add(mapping.filename_strindex)
        used["attribute"] |= set(mapping.attribute_indices)
    for function in tables.function_table:
        used["string"] |= {function.name_strindex, function.system_name_strindex,
                           function.filename_strindex}
    for name, indices in used.items():
        size = len(getattr(tables, name + "_table"))
        if (indices | {0}) != set(range(size)):
            found.append(f"{name}_table of {size}: used {sorted(indices)[-1]} at most, "
                         f"{size - len(indices | {0})} orphans")
    for link in tables.link_table[1:]:
        if (len(link.trace_id), len(link.span_id)) != (16, 8):
            found.append("link ids")
    for owner in [request.resource.resource] + list(tables.attribute_table):
        for key_value in getattr(owner, "attributes", []):
            if not key_value.key or getattr(key_value, "key_strindex", 0):
                found.append("a key that is not inline")
    return found


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
    profile = pprof_wire.Profile(path)
    expected = collections.Counter()
    for frames, labels, values in profile.samples:
        expected[frames, labels] += values[0]
    requests = encode(path)
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
    requests = [Request(r) for r in encode(path, limit)]
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
    known = os.path.join(TEMP, "known.pb.gz")
    tap.run([os.path.join(BUILT, "podo_write_known_profile"), "before", known])
    check_file(known, "known profile")
    if not shutil.which("zstd"):
        tap.skip("a profile of zstd goes the same way", "zstd")
    elif path := real_profile():
        check_file(path, "profile of zstd")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
