# SPDX-License-Identifier: Apache-2.0
"""Flame documents (lib/encode/flame_document.h) of samples made up by a test."""

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
PERIOD_NS = 10_000_000


def packed(numbers):
    """A column: base-64 digits of 5 bits, least first, 32 on all but a number's last."""
    out = []
    for x in numbers:
        while x >= 32:
            out.append(DIGITS[32 + x % 32])
            x //= 32
        out.append(DIGITS[x])
    return "".join(out)


def zigzag(x):
    return 2 * x if x >= 0 else -2 * x - 1


class Table:
    """Equal things get one number."""

    def __init__(self, *first):
        self.items = []
        self.number = {}
        for one in first:
            self.add(one)

    def add(self, item):
        if item not in self.number:
            self.number[item] = len(self.items)
            self.items.append(item)
        return self.number[item]


def preorder(sides):
    """[(stack, depth, parent)] of all stacks' prefixes, root first, and the node of each stack."""
    children = {}
    for stack in {stack for side in sides for stack, _ in side}:
        for depth in range(len(stack)):
            children.setdefault(stack[:depth], set()).add(stack[:depth + 1])
    nodes, node_of, waiting = [], {}, [((), -1)]
    while waiting:
        path, parent = waiting.pop()
        node_of[path] = len(nodes)
        nodes.append((path, parent))
        waiting += [(child, node_of[path]) for child in sorted(children.get(path, ()), reverse=True)]
    return nodes, node_of


def document(title, sides, duration_ns, time_ms):
    """Of one side or two, each {(stack of (name, file, line), labels as ((key, value), ...)): CPU ns}."""
    strings, frames, sets = Table(""), Table(), Table(())
    nodes, node_of = preorder([[stack_labels for stack_labels in side] for side in sides])
    numbers, branches, gap_from = [], [], 0
    for i, (path, parent) in enumerate(nodes[1:], 1):
        numbers.append(frames.add(path[-1]))
        if parent != i - 1:
            branches += [i - gap_from, i - parent]
            gap_from = i
    profiles = []
    for side, duration, time in zip(sides, duration_ns, time_ms):
        rows = sorted((node_of[stack], sets.add(labels), cpu) for (stack, labels), cpu in side.items() if cpu)
        samples, last = [], 0
        for node, labels, cpu in rows:
            samples += [node - last, labels, zigzag(max(1, round(cpu / PERIOD_NS))), zigzag(cpu)]
            last = node
        profiles.append({"timeMs": time, "durationNs": duration, "period": PERIOD_NS,
                         "periodType": ["cpu", "nanoseconds"], "comments": [], "samples": packed(samples)})
    label_sets = [x for one in sets.items[1:] for x in
                  [len(one)] + [strings.add(text) for pair in one for text in pair]]
    columns = {"name": [strings.add(f[0]) for f in frames.items], "file": [strings.add(f[1]) for f in frames.items],
               "module": [strings.add("/usr/lib/checkout/checkout_service" if f[1] else "/lib/libc.so.6")
                          for f in frames.items],
               "start": [f[2] for f in frames.items],
               "lines": [x for f in frames.items for x in ([1, f[2], 1] if f[2] else [0])]}
    return {"format": "podo-flame-1", "title": title, "strings": strings.items,
            "frames": {key: packed(column) for key, column in columns.items()},
            "nodes": {"frame": packed(numbers), "branches": packed(branches), "inlined": ""},
            "labelSets": packed(label_sets), "sampleTypes": [["samples", "count"], ["cpu", "nanoseconds"]],
            "shown": 1, "profiles": profiles}
