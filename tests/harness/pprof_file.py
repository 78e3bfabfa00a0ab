# SPDX-License-Identifier: Apache-2.0
"""A reader of pprof files that shares no code with podo's: protobuf by hand, after profile.proto."""

import bisect
import collections
import gzip
import os
import subprocess

Sample = collections.namedtuple("Sample", "stack values labels")  # stack: names, leaf first


def fields(data):
    """(number, value) of each field of a message; bytes for lengths, int for varints."""
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
            value, at = data[at:at + size], at + size
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


class File:
    """Samples of a .pb.gz, the main binary's frames named by `symbols` if given."""

    def __init__(self, path, symbols=None):
        with open(path, "rb") as f:
            data = gzip.decompress(f.read())
        top = collections.defaultdict(list)
        for number, value in fields(data):
            top[number].append(value)
        self.strings = [s.decode() for s in top[6]]
        self.symbols = symbols
        self.mappings = [dict(fields(m)) for m in top[3]]
        self.functions = {m[1]: self.strings[m.get(2, 0)] for m in map(dict, map(fields, top[5]))}
        self.locations = {}
        for message in top[4]:
            self.add_location(message)
        self.types = [self.strings[dict(fields(t)).get(1, 0)] for t in top[1]]
        self.samples = [self.sample(s) for s in top[2]]

    def add_location(self, message):
        lines, plain = [], {}
        for number, value in fields(message):
            if number == 4:
                lines.append(self.functions[dict(fields(value))[1]])
            else:
                plain[number] = value
        main = self.mappings and plain.get(2) == self.mappings[0].get(1)
        if self.symbols and main:
            start, offset = self.mappings[0].get(2, 0), self.mappings[0].get(4, 0)
            # Return addresses lie behind the call; podo writes them within it.
            lines = [self.symbols.name(plain.get(3, 0) - start + offset)]
        self.locations[plain[1]] = lines or [hex(plain.get(3, 0))]

    def sample(self, message):
        stack, values, labels = [], [], {}
        for number, value in fields(message):
            if number == 1:
                stack += [n for i in numbers(value) for n in self.locations[i]]
            elif number == 2:
                values += numbers(value)
            elif number == 3:
                label = dict(fields(value))
                labels[self.strings[label[1]]] = (
                    self.strings[label[2]] if 2 in label else label.get(3, 0))
        return Sample(stack, values, labels)


def read_directory(path, symbols=None):
    """Samples of all profiles in a directory."""
    names = sorted(n for n in os.listdir(path) if n.endswith(".pb.gz"))
    return [s for n in names for s in File(os.path.join(path, n), symbols).samples]
