#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts page.html, style sheets and scripts into one HTML file and writes it as C++ source.

usage: embed.py page|explorer OUT.cc page.html [explorer.html] STYLE.css... SCRIPT.js...

The scripts become one inline script, in the order given. The page's Content-Security-Policy names
the hashes of that script and of the style sheet, so the browser runs nothing else; the stand-alone
page loads nothing at all, the explorer talks to its own origin.
"""
import base64
import hashlib
import sys
from pathlib import Path

LICENSE_LINE = "SPDX-License-Identifier"
# Of each kind: header, namespace, the function that gives the page.
KINDS = {"page": ("encode/flame_page_template.h", "podo::encode", "FlamePageTemplate"),
         "explorer": ("serve/explorer_page.h", "podo::serve", "ExplorerPage")}


def source_hash(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def read(paths):
    """Source files without their license lines: the page carries one for all."""
    lines = [line for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines(keepends=True)]
    return "".join(line for line in lines if LICENSE_LINE not in line)


def fill(page, mark, text):
    if page.count(mark) != 1:
        sys.exit(f"embed.py: page.html has {page.count(mark)} marks {mark}; it must have one")
    return page.replace(mark, text)


def build(kind, htmls, styles, scripts):
    """The page, and its policy."""
    style = "\n" + read(styles)
    script = '\n"use strict";\n(() => {\n' + read(scripts) + "})();\n"
    for what, text in (("style", style), ("script", script)):
        if "</" + what in text.lower() or "<!--" in text:
            sys.exit(f"embed.py: the {what} holds text that would end its element")
    connect = "connect-src 'self'; " if kind == "explorer" else ""
    page = read(htmls[:1])
    page = fill(page, "@EXPLORER@", read(htmls[1:]))
    page = fill(page, "@CONNECT@", connect)
    page = fill(page, "@STYLE_HASH@", source_hash(style))
    page = fill(page, "@SCRIPT_HASH@", source_hash(script))
    page = fill(page, "@STYLE@", style)
    page = fill(page, "@SCRIPT@", script)
    policy = (f"default-src 'none'; script-src {source_hash(script)}; style-src {source_hash(style)}; "
              f"img-src data:; {connect}base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    return page, policy


def finish(kind, page):
    """The marks that C++ fills in, or not."""
    for mark, text in (("@PODO_TITLE@", "podo"), ("@PODO_DOCUMENT@", "null")):
        page = fill(page, mark, text if kind == "explorer" else mark)
    if kind == "page" and page.index("@PODO_TITLE@") > page.index("@PODO_DOCUMENT@"):
        sys.exit("embed.py: @PODO_TITLE@ must stand before @PODO_DOCUMENT@")
    return page


def main():
    kind, out, *paths = sys.argv[1:]
    htmls, styles, scripts = ([p for p in paths if p.endswith(e)] for e in (".html", ".css", ".js"))
    page, policy = build(kind, htmls, styles, scripts)
    # As numbers: a string literal of this length is beyond what compilers promise.
    data = finish(kind, page).encode()
    rows = [",".join(map(str, data[i:i + 32])) for i in range(0, len(data), 32)]
    header, namespace, function = KINDS[kind]
    extra = f'\nstd::string_view {function}Policy() {{\n  return "{policy}";\n}}\n' if kind == "explorer" else ""
    Path(out).write_text(
        "// Made by embed.py from the page's parts; edit the files there.\n"
        f'#include "{header}"\n\n'
        f"namespace {namespace} {{\nnamespace {{\n"
        "constexpr unsigned char kPage[] = {\n" + ",\n".join(rows) + "};\n}  // namespace\n\n"
        f"std::string_view {function}() {{\n"
        "  return {reinterpret_cast<const char*>(kPage), sizeof kPage};\n}\n" + extra +
        f"}}  // namespace {namespace}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
