# SPDX-License-Identifier: Apache-2.0
"""Adds up the stack that machine code uses: frames of the deepest chain of calls, without recursion."""

import re

import purity

PUSH = re.compile(r"^push\b")
GROW = re.compile(r"^sub\s+\$0x([0-9a-f]+),%rsp")
ALIGN = re.compile(r"^and\s+\$0xf+([0-9a-f]{2}),%rsp")
RED_ZONE = re.compile(r"-0x([0-9a-f]+)\(%rsp\)")
RETURN_ADDRESS = 8


def frame(lines):
    """Bytes of one function's frame: all that it pushes and reserves, on whatever path."""
    size = 0
    for line in lines:
        if PUSH.match(line):
            size += 8
        elif GROW.match(line):
            size += int(GROW.match(line)[1], 16)
        elif ALIGN.match(line):
            size += 0x100 - int(ALIGN.match(line)[1], 16)
    return size + max([int(n, 16) for n in RED_ZONE.findall("\n".join(lines))], default=0)


def calls(name, lines, functions):
    """Functions of the object that `name` goes into, and whether that leaves a return address."""
    for line in lines:
        call = purity.CALL.match(line)
        target = call and purity.BRANCH_TARGET.search(call[2])
        if target and target[1] in functions and target[1] != name:
            yield target[1], RETURN_ADDRESS if call[1] == "call" else 0


def deepest(name, functions, above=()):
    """(bytes below the stack pointer at entry, the chain of functions) of the deepest path."""
    if name in above:
        raise ValueError(f"{name} calls itself")
    below = [(0, [])]
    for callee, cost in calls(name, functions[name], functions):
        depth, chain = deepest(callee, functions, (*above, name))
        below.append((depth + cost, chain))
    depth, chain = max(below, key=lambda b: b[0])
    return frame(functions[name]) + depth, [name, *chain]
