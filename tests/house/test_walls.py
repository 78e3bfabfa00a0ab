#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The walls: who may include whom, and the one home of each third-party library."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import source  # noqa: E402
import tap  # noqa: E402

# Room -> rooms it may include beside itself. "podo" is include/podo. A stage never includes another
# stage; only serve reads two of them.
STAGE = {"base", "model", "podo"}
ROOMS = {
    "base": set(),
    "model": {"base"},  # its hash tables
    "context": STAGE,  # what threads carry for their samples; the handler reads it through model/
    "capture": STAGE,
    "aggregate": STAGE,
    "symbolize": STAGE,
    "encode": STAGE,
    "net": STAGE,  # the boundary to libpodo_net.so, for the two rooms that speak to a network
    "export": STAGE | {"net"},
    "history": STAGE,
    "serve": STAGE | {"history", "encode", "net"},
    "preload": {"podo"},  # a stub of C: it must load where podo's engine is not wanted
    "tools": {"base", "model", "encode", "podo"},  # small programs, each put together from rooms
}
# A program that looks at all of podo, as podo would do it here: above the rooms, as podo.cc is.
DOCTOR = re.compile(r"lib/tools/(podo_)?doctor[a-z_]*\.(cc|h)$")
DOCTOR_READS = re.compile(r"(config[a-z_]*|sinks|resource)\.h$")
COMPOSITION_ROOT = re.compile(
    r"lib/(podo|pipeline(_[a-z]+)?|config[a-z_]*|[a-z]+_loop|own_threads|overhead_[a-z]+|published_context|clock_choice|window_box|window_sum|run_sum|live_captures|kept_windows|http_side|exit_signal|process|fork_children"
    r"|payloads|sinks|net_module|resource[a-z_]*)\.(cc|h)$")

# Header -> files that may include it.
HOMES = [
    (r"libunwind.*\.h", r"lib/aggregate/"),
    (r"(elfutils/.*|dwarf\.h|libelf\.h|gelf\.h)", r"lib/symbolize/"),
    (r"(zlib|zstd|zstd_errors|zconf)\.h", r"lib/base/compress\.(cc|h)$"),
    (r"protozero/.*", r"lib/encode/"),
    (r"boost/(asio|beast|system)/?.*", r"lib/(export|net|serve)/|lib/net_module"),
    (r"openssl/.*", r"lib/export/"),
    (r"re2/.*", r"lib/serve/"),
]
# No other third-party header at all, Abseil apart.
THIRD_PARTY = re.compile(r"(boost|openssl|nlohmann|google|grpc|fmt|spdlog|tbb|doctest)/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.MULTILINE)


def room_of(name):
    parts = name.split("/")
    return parts[1] if parts[0] == "lib" and len(parts) > 2 else None


def wall_breaches(name, text):
    """What `name` includes of podo though its room may not."""
    room = room_of(name)
    if room is None:
        return []
    allowed = ROOMS.get(room, set()) | {room}
    if DOCTOR.match(name):
        allowed = set(ROOMS) | {"podo"}
    found = []
    for quote, header in INCLUDE.findall(text):
        first = header.split("/")[0]
        if DOCTOR.match(name) and DOCTOR_READS.match(header):
            continue
        if "/" not in header and quote == '"':
            found.append(f'{name}: "{header}" is not written relative to lib/')
        elif first in set(ROOMS) | {"podo"} and first not in allowed:
            found.append(f"{name} ({room}/) includes {header}")
        elif header in ("podo.h", "pipeline.h"):
            found.append(f"{name} ({room}/) includes the composition root: {header}")
    return found


def strangers(name, text):
    """Third-party headers included away from their home."""
    found = []
    for _, header in INCLUDE.findall(text):
        home = next((h for pattern, h in HOMES if re.fullmatch(pattern, header)), None)
        if home is not None and not re.match(home, name):
            found.append(f"{name} includes {header}, whose home is {home}")
        elif home is None and THIRD_PARTY.match(header):
            found.append(f"{name} includes {header}, which has no home")
    return found


def check_the_checkers():
    """A checker that sees nothing would pass for ever."""
    tap.check("a stage that includes another stage is seen",
              wall_breaches("lib/encode/x.cc", '#include "symbolize/y.h"\n'))
    tap.check("base that includes model is seen",
              wall_breaches("lib/base/x.cc", '  #  include "model/profile.h"\n'))
    tap.check("podo-flame that includes a stage it is not made of is seen",
              wall_breaches("lib/tools/podo-flame.cc", '#include "capture/walk.h"\n'))
    tap.check("podo-doctor that includes the run itself is seen",
              wall_breaches("lib/tools/doctor_x.cc", '#include "pipeline.h"\n'))
    tap.check("podo-doctor may include any room and the configuration",
              not wall_breaches("lib/tools/doctor_x.cc", '#include "config.h"\n#include "export/sink.h"\n'))
    tap.check("a stage may include base and model",
              not wall_breaches("lib/encode/x.cc", '#include "base/log.h"\n#include "model/ids.h"\n'))
    tap.check("libunwind in the handler's room is seen",
              strangers("lib/capture/x.cc", "#include <libunwind-x86_64.h>\n"))


def report(sentence, breaches):
    tap.check(sentence, not breaches, "\n".join(breaches))


def main():
    check_the_checkers()
    names = [n for n in source.files(".h", ".cc", ".c", ".inc") if n.startswith("lib/")]
    texts = {n: source.read(n) for n in names}
    tap.check("there is a library to look at", len(names) > 10)
    report("every folder of lib/ is a known room",
           sorted({n for n in names if room_of(n) and room_of(n) not in ROOMS}))
    report("only podo.cc and pipeline.* stand above the rooms",
           [n for n in names if room_of(n) is None and not COMPOSITION_ROOT.match(n)])
    report("no room includes what its wall keeps out",
           [b for n, t in texts.items() for b in wall_breaches(n, t)])
    report("every third-party library stays in its home",
           [b for n, t in texts.items() for b in strangers(n, t)])
    users = [n for n, t in texts.items() if re.search(r"#\s*include\s+<libunwind", t)]
    tap.check("libunwind is included by one file at most", len(users) <= 1, users)
    public = {n: source.read(n) for n in source.files(".h") if n.startswith("include/")}
    report("public headers include the standard library and podo only",
           [f"{n}: {h}" for n, t in public.items() for _, h in INCLUDE.findall(t)
            if not (h.startswith("podo/") or re.fullmatch(r"[a-z_]+(\.h)?", h)
                    or n == "include/podo/asio.h" and h.startswith("boost/asio/"))])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
