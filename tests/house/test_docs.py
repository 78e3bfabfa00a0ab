#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The documents say what is true: code blocks are compiled files, links lead somewhere."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import source  # noqa: E402
import tap  # noqa: E402

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKER = re.compile(r"<!-- file: (\S+) -->\s*$")
CODE_LANGUAGES = {"c", "cpp", "c++", "cmake", "meson", "makefile"}
DOCUMENTS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md",
             "docs/capture.md", "docs/configuration.md", "docs/dependencies.md"]


def blocks(text):
    """[(language, body, file named by the marker above or None)]."""
    return [(m[1], m[2], (MARKER.search(text[:m.start()]) or [None, None])[1])
            for m in FENCE.finditer(text)]


def without_licence(text):
    lines = text.splitlines()
    return "\n".join(lines[1:] if lines and "SPDX-License-Identifier" in lines[0] else lines).strip()


def code_breaches(name, text):
    """Code blocks that are not, to the letter, the file they name."""
    found = []
    for language, body, file in blocks(text):
        if language not in CODE_LANGUAGES and file is None:
            continue
        if file is None:
            found.append(f"{name}: a {language} block names no file:\n{body}")
        elif not os.path.exists(os.path.join(tap.source_dir(), file)):
            found.append(f"{name}: there is no {file}")
        elif without_licence(source.read(file)) != body.strip():
            found.append(f"{name}: the block differs from {file}")
    return found


def broken_links(name, text):
    found = []
    text = FENCE.sub("", text)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target):
            path = os.path.join(tap.source_dir(), os.path.dirname(name), target)
            if not os.path.exists(path):
                found.append(f"{name}: {target}")
    return found


def known_variables():
    names = [n for n in source.files(".h", ".cc", ".c") if n.startswith(("lib/", "include/"))]
    return {v for n in names for v in re.findall(r"\bPODO_[A-Z][A-Z_]*[A-Z]\b", source.read(n))}


def report(sentence, breaches):
    tap.check(sentence, not breaches, "\n".join(breaches))


def main():
    example = "<!-- file: examples/hello.cc -->\n```cpp\nint main() { return 1; }\n```\n"
    tap.check("a code block that differs from its file would be seen", code_breaches("x", example))
    tap.check("a code block without a file would be seen", code_breaches("x", "```cpp\nint x;\n```\n"))
    report("the documents are there",
           [d for d in DOCUMENTS if not os.path.exists(os.path.join(tap.source_dir(), d))])
    texts = {n: source.read(n) for n in source.files(".md")}
    report("every code block of a document is a file that is compiled",
           [b for n, t in texts.items() for b in code_breaches(n, t)])
    report("every link inside the project leads to a file",
           [b for n, t in texts.items() for b in broken_links(n, t)])
    readme = texts.get("README.md", "")
    for command in ("examples/quickstart", "tests/run"):
        tap.check(f"README.md names {command}, and it can be executed",
                  command in readme and os.access(os.path.join(tap.source_dir(), command), os.X_OK))
    named = set(re.findall(r"\bPODO_[A-Z][A-Z_]*[A-Z]\b", readme))
    report("README.md names only variables that the library reads", sorted(named - known_variables()))
    ci = source.read(".ci/run")
    tap.check(".ci/run decides nothing beside tests/run", re.search(r"^exec tests/run\b", ci, re.MULTILINE)
              and ci.count("tests/run") == ci.count("\n# What CI runs: tests/run") + 1, ci)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
