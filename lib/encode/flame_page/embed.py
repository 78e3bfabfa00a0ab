#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts page.html, page.css and the scripts into one HTML file and writes it as C++ source.

usage: embed.py OUT.cc page.html page.css SCRIPT.js...

The scripts become one inline script, in the order given. The page's Content-Security-Policy names
the hashes of that script and of the style sheet, so the browser runs nothing else and loads
nothing at all.
"""
import base64
import hashlib
import sys
from pathlib import Path

LICENSE_LINE = "SPDX-License-Identifier"


def source_hash(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def read(path):
    """A source file without its license line: the page carries one for all."""
    lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if LICENSE_LINE not in line)


def fill(page, mark, text):
    if page.count(mark) != 1:
        sys.exit(f"embed.py: page.html has {page.count(mark)} marks {mark}; it must have one")
    return page.replace(mark, text)


def main():
    out, html, css, *scripts = sys.argv[1:]
    style = "\n" + read(css)
    script = '\n"use strict";\n(() => {\n' + "".join(read(path) for path in scripts) + "})();\n"
    for kind, text in (("style", style), ("script", script)):
        if "</" + kind in text.lower() or "<!--" in text:
            sys.exit(f"embed.py: the {kind} holds text that would end its element")
    page = read(html)
    page = fill(page, "@STYLE_HASH@", source_hash(style))
    page = fill(page, "@SCRIPT_HASH@", source_hash(script))
    page = fill(page, "@STYLE@", style)
    page = fill(page, "@SCRIPT@", script)
    for mark in ("@PODO_TITLE@", "@PODO_DOCUMENT@"):
        fill(page, mark, mark)
    if page.index("@PODO_TITLE@") > page.index("@PODO_DOCUMENT@"):
        sys.exit("embed.py: @PODO_TITLE@ must stand before @PODO_DOCUMENT@")
    # As numbers: a string literal of this length is beyond what compilers promise.
    data = page.encode()
    rows = [",".join(map(str, data[i:i + 32])) for i in range(0, len(data), 32)]
    Path(out).write_text(
        "// Made from lib/encode/flame_page/ by embed.py; edit the files there.\n"
        '#include "encode/flame_page_template.h"\n\n'
        "namespace podo::encode {\nnamespace {\n"
        "constexpr unsigned char kPage[] = {\n" + ",\n".join(rows) + "};\n}  // namespace\n\n"
        "std::string_view FlamePageTemplate() {\n"
        "  return {reinterpret_cast<const char*>(kPage), sizeof kPage};\n}\n"
        "}  // namespace podo::encode\n", encoding="utf-8")


if __name__ == "__main__":
    main()
