# SPDX-License-Identifier: Apache-2.0
"""Reads a pprof file with nothing but the wire format, sharing no code with podo."""

import gzip


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """[(field number, number or bytes)] of a message."""
    found, at = [], 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        elif key & 7 == 1:
            value, at = int.from_bytes(data[at:at + 8], "little"), at + 8
        else:
            raise ValueError(f"wire type {key & 7}")
        found.append((key >> 3, value))
    return found


def numbers(message, field):
    """The values of a repeated number, packed or not."""
    out = []
    for number, value in message:
        if number == field and isinstance(value, int):
            out.append(value)
        elif number == field:
            at = 0
            while at < len(value):
                one, at = varint(value, at)
                out.append(one)
    return out


def one(message, field):
    values = numbers(message, field)
    return values[-1] if values else 0


def signed(value):
    return value - (1 << 64) if value >> 63 else value


class Profile:
    """samples: [(frames leaf first, labels, values)]; a frame is (mapping file, address,
    ((function, system name, file, line), ...)), a label (key, text or number, unit)."""

    def __init__(self, path):
        with gzip.open(path) as f:
            top = fields(f.read())
        self.strings = [v.decode() for n, v in top if n == 6]
        text = self.strings.__getitem__
        functions, locations, self.mappings = {}, {}, {}
        for number, value in top:
            message = fields(value) if number in (3, 4, 5) else None
            if number == 3:
                self.mappings[one(message, 1)] = {
                    "start": one(message, 2), "limit": one(message, 3), "offset": one(message, 4),
                    "file": text(one(message, 5)), "build_id": text(one(message, 6))}
            elif number == 5:
                functions[one(message, 1)] = tuple(text(one(message, i)) for i in (2, 3, 4))
            elif number == 4:
                locations[one(message, 1)] = message
        self.locations = {}
        for key, message in locations.items():
            lines = [fields(v) for n, v in message if n == 4]
            self.locations[key] = (
                self.mappings.get(one(message, 2), {}).get("file", ""), one(message, 3),
                tuple(functions[one(line, 1)] + (one(line, 2),) for line in lines))
        self.types = [tuple(text(one(fields(v), i)) for i in (1, 2)) for n, v in top if n == 1]
        self.samples = [self._sample(fields(v)) for n, v in top if n == 2]
        self.time_ns, self.duration_ns, self.period = (one(top, n) for n in (9, 10, 12))
        self.comments = [text(i) for i in numbers(top, 13)]

    def _sample(self, message):
        labels = []
        for number, value in message:
            if number == 3:
                label = fields(value)
                content = self.strings[one(label, 2)] if one(label, 2) else signed(one(label, 3))
                labels.append((self.strings[one(label, 1)], content, self.strings[one(label, 4)]))
        return (tuple(self.locations[i] for i in numbers(message, 1)), tuple(sorted(labels)),
                [signed(v) for v in numbers(message, 2)])
