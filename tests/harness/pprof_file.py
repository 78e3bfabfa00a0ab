# SPDX-License-Identifier: Apache-2.0
"""A reader of pprof files that shares no code with podo's: protobuf by hand, after profile.proto."""

import bisect
import collections
import gzip
import os
import subprocess

Sample = collections.namedtuple("Sample", "stack values labels")  # stack: names, leaf first


def fields(data):
    """(number, value) of each field of a message; bytes for lengths, int for the rest."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            if at + size > len(data):
                raise ValueError("a field is longer than its message")
            value, at = data[at:at + size], at + size
        elif key & 7 in (1, 5):
            size = 8 if key & 7 == 1 else 4
            value, at = int.from_bytes(data[at:at + size], "little"), at + size
        else:
            raise ValueError(f"wire type {key & 7}")
        yield key >> 3, value


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def numbers(value):
    """A repeated integer, packed or not."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(number)
    return found


class Symbols:
    """Functions of an ELF file by address, from nm: names that do not hang on podo's reading."""

    def __init__(self, path):
        rows = subprocess.run(["nm", "-C", "--defined-only", path], capture_output=True, text=True,
                              check=True).stdout.splitlines()
        table = sorted((int(r.split(" ", 2)[0], 16), r.split(" ", 2)[2]) for r in rows
                       if len(r.split(" ", 2)) == 3 and r.split(" ", 2)[1] in "tTwW")
        self.starts = [a for a, _ in table]
        self.names = [n.replace("(anonymous namespace)::", "").split("(")[0] for _, n in table]

    def name(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        return self.names[i] if i >= 0 else hex(address)


def one(message, field):
    """The last number of that field, which holds; 0 if there is none."""
    return ([0] + [n for f, v in message if f == field for n in numbers(v)])[-1]


def signed(value):
    return value - (1 << 64) if value >> 63 else value


class Profile:
    """samples: [(frames leaf first, labels, values)]; a frame is (mapping file, address,
    ((function, system name, file, line), ...)), a label (key, text or number, unit)."""

    def __init__(self, path):
        with gzip.open(path) as f:
            top = list(fields(f.read()))
        self.strings = [v.decode() for n, v in top if n == 6]
        text = self.strings.__getitem__
        functions, locations, self.mappings = {}, {}, {}
        for number, value in top:
            message = list(fields(value)) if number in (3, 4, 5) else None
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
            lines = [list(fields(v)) for n, v in message if n == 4]
            self.locations[key] = (
                self.mappings.get(one(message, 2), {}).get("file", ""), one(message, 3),
                tuple(functions[one(line, 1)] + (one(line, 2),) for line in lines))
        self.types = [tuple(text(one(list(fields(v)), i)) for i in (1, 2)) for n, v in top if n == 1]
        self.samples = [self._sample(list(fields(v))) for n, v in top if n == 2]
        self.time_ns, self.duration_ns, self.period = (one(top, n) for n in (9, 10, 12))
        self.comments = [text(i) for n, v in top if n == 13 for i in numbers(v)]

    def _sample(self, message):
        stack, labels, values = [], [], []
        for number, value in message:
            if number == 1:
                stack += [self.locations[i] for i in numbers(value)]
            elif number == 2:
                values += [signed(v) for v in numbers(value)]
            elif number == 3:
                label = list(fields(value))
                content = self.strings[one(label, 2)] if one(label, 2) else signed(one(label, 3))
                labels.append((self.strings[one(label, 1)], content, self.strings[one(label, 4)]))
        return tuple(stack), tuple(sorted(labels)), values

    def ticks(self):
        """The sum of the samples' first values."""
        return sum(values[0] for _, _, values in self.samples)

    def named_samples(self, symbols=None):
        """The samples with names for frames, those of the main binary by `symbols` if given."""
        main = next(iter(self.mappings.values()), None)

        def names(frame):
            _, address, lines = frame
            if symbols and main and main["start"] <= address < main["limit"]:
                # Return addresses lie behind the call; podo writes them within it.
                return [symbols.name(address - main["start"] + main["offset"])]
            return [line[0] for line in lines] or [hex(address)]

        return [Sample([n for frame in stack for n in names(frame)], values,
                       {key: content for key, content, _ in labels})
                for stack, labels, values in self.samples]


def read_directory(path, symbols=None):
    """Named samples of all profiles in a directory."""
    names = sorted(n for n in os.listdir(path) if n.endswith(".pb.gz"))
    return [s for n in names for s in Profile(os.path.join(path, n)).named_samples(symbols)]
