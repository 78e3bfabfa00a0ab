# SPDX-License-Identifier: Apache-2.0
"""Reads the signal handler's machine code: what it calls, which TLS it uses, which system calls.

Inside a signal a call to libc may meet a lock the interrupted thread holds, a lazily bound call
enters the loader, and __tls_get_addr may allocate. So the object must do without.
"""

import re

CALL = re.compile(r"^(?:notrack )?(?:bnd )?(call|j[a-z]+)\s+(.*)$")
BRANCH_TARGET = re.compile(r"<([^>+]+)(\+0x[0-9a-f]+)?>")
# ELF x86-64 ABI, table 4.10: accesses to thread-locals that go through __tls_get_addr or a descriptor.
DYNAMIC_TLS = re.compile(r"R_X86_64_(TLSGD|TLSLD|DTPOFF\w*|GOTPC32_TLSDESC|TLSDESC\w*)")
SYSTEM_CALL = re.compile(r"(syscall|sysenter|int\s+\$0x80)")
RELOCATION = re.compile(r"R_X86_64_\w+\s+(\S+)")


def bare(symbol):
    """A symbol without the addend and the version that objdump writes behind it."""
    return re.sub(r"([+-]0x[0-9a-f]+|@.*)$", "", symbol)


def breaches(functions, own, allowed_syscalls):
    """What `functions` ({name: lines}) do that they must not; `own` are the object's functions."""
    found = []
    for name, lines in functions.items():
        for i, line in enumerate(lines):
            follow = lines[i + 1] if i + 1 < len(lines) else ""
            problem = call_breach(line, follow, own) or tls_breach(line)
            if problem:
                found.append(f"{name}: {problem}")
        system_calls = sum(bool(SYSTEM_CALL.match(line)) for line in lines)
        if system_calls > (1 if name in allowed_syscalls else 0):
            found.append(f"{name}: {system_calls} system calls")
    return found


def call_breach(line, follow, own):
    call = CALL.match(line)
    if not call:
        return None
    relocation = RELOCATION.search(follow) if "R_X86_64" in follow else None
    if call[2].lstrip().startswith("*") and call[1] != "call" and relocation is None:
        return None  # a switch table or the end of a computed branch inside the function
    if relocation:
        target = bare(relocation[1])
        # Calls between sections of one object may be written as section + offset.
        return None if target in own or target.startswith(".text") else f"{call[1]} to {target}"
    if call[2].lstrip().startswith("*"):
        return f"indirect {line}"
    target = BRANCH_TARGET.search(call[2])
    if target and target[1].endswith("@plt"):
        return f"{call[1]} through the PLT: {target[1]}"
    return None if target and target[1] in own else f"{call[1]} to {call[2]}"


def tls_breach(line):
    return f"dynamic thread-local access: {line}" if DYNAMIC_TLS.search(line) else None

