# SPDX-License-Identifier: Apache-2.0
"""OTLP profiles requests as the published opentelemetry-proto package reads them: samples with
their stacks, labels and links, and the rules that the comments of profiles.proto state. What comes
out of a collector as JSON is read the same way. tests/interop/requirements.txt must be in use."""

import base64
import collections
import json

IDS = ("traceId", "spanId", "profileId", "parentSpanId")  # hex in OTLP's JSON, base64 in protobuf's


def value_of(any_value, strings=()):
    kind = any_value.WhichOneof("value")
    value = getattr(any_value, kind) if kind else None
    if kind == "string_value_strindex":  # collectors write resource attributes so; podo does not
        return strings[value]
    return [value_of(v, strings) for v in value.values] if kind == "array_value" else value


def message_class():
    from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
    return profiles_service_pb2.ExportProfilesServiceRequest


class Request:
    """`resource`, `scope` and `profiles` are those of the first resource; podo sends one."""

    def __init__(self, data):
        self.message = message_class().FromString(data)
        known = message_class().FromString(data)
        known.DiscardUnknownFields()
        self.unknown_bytes = len(data) - known.ByteSize()
        self.tables = self.message.dictionary
        self.resource = self.message.resource_profiles[0]
        self.scope = self.resource.scope_profiles[0]
        self.profiles = list(self.scope.profiles)

    def resource_attributes(self):
        return {a.key or self.text(a.key_strindex): value_of(a.value, self.tables.string_table)
                for a in self.resource.resource.attributes}

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


def faults(request, inline=True):
    """Breaches of the rules in the comments of profiles.proto; `inline`: keys and values of
    resources have to be no references, as podo writes them for receivers that know none."""
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
    for owner in (request.resource.resource, request.scope.scope):
        for key_value in owner.attributes:
            references = {key_value.key_strindex, key_value.value.string_value_strindex}
            used["string"] |= references
            if inline and (not key_value.key or references != {0}):
                found.append("a key or value that is not inline")
    for name, indices in used.items():
        size = len(getattr(tables, name + "_table"))
        if (indices | {0}) != set(range(size)):
            found.append(f"{name}_table of {size}: used {sorted(indices)[-1]} at most, "
                         f"{size - len(indices | {0})} orphans")
    for link in tables.link_table[1:]:
        if (len(link.trace_id), len(link.span_id)) != (16, 8):
            found.append("link ids")
    return found


def read_json_lines(path):
    """The requests in a collector's file, one a line, each resource a Request of its own. A line
    that is still being written is left out."""
    from google.protobuf import json_format
    requests = []
    try:
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")[:-1]
    except FileNotFoundError:
        return requests
    for line in lines:
        message = json_format.ParseDict(_with_base64(json.loads(line)), message_class()())
        for resource in message.resource_profiles:
            one = message_class()(resource_profiles=[resource], dictionary=message.dictionary)
            requests.append(Request(one.SerializeToString()))
    return requests


def _with_base64(node, key=None):
    if isinstance(node, dict):
        return {k: _with_base64(v, k) for k, v in node.items() if (k, v) != ("value", {})}
    if isinstance(node, list):
        return [_with_base64(v) for v in node]
    if key in IDS and isinstance(node, str):
        return base64.b64encode(bytes.fromhex(node)).decode()
    return node
