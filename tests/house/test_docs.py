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
# `file:` a whole file, `part of:` lines that follow each other in it, less their indentation.
MARKER = re.compile(r"<!-- (file|part of): (\S+) -->\s*$")
CODE_LANGUAGES = {"c", "cpp", "c++", "cmake", "meson", "makefile"}
DOCUMENTS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md",
             "docs/capture.md", "docs/collectors.md", "docs/configuration.md",
             "docs/delivery.md", "docs/dependencies.md", "docs/doctor.md", "docs/explorer.md", "docs/http.md", "docs/labels.md",
             "docs/metrics.md", "docs/scale.md"]


def blocks(text):
    """[(language, body, file named by the marker above or None, whether it is a part)]."""
    found = []
    for fence in FENCE.finditer(text):
        marker = MARKER.search(text[:fence.start()])
        found.append((fence[1], fence[2], marker and marker[2], marker and marker[1] == "part of"))
    return found


def without_licence(text):
    lines = text.splitlines()
    return "\n".join(lines[1:] if lines and "SPDX-License-Identifier" in lines[0] else lines).strip()


def is_part(body, text):
    """Whether the lines of `body` follow each other in `text`, all indented by the same amount."""
    wanted, lines = body.rstrip().splitlines(), text.splitlines()
    for at in range(len(lines) - len(wanted) + 1):
        indent = lines[at][:len(lines[at]) - len(wanted[0])]
        if not indent.strip() and all(
                line == (indent + want if want else "")
                for line, want in zip(lines[at:at + len(wanted)], wanted)):
            return bool(wanted)
    return False


def code_breaches(name, text):
    """Code blocks that are not, to the letter, the file they name, or a part of it."""
    found = []
    for language, body, file, part in blocks(text):
        if language not in CODE_LANGUAGES and file is None:
            continue
        if file is None:
            found.append(f"{name}: a {language} block names no file:\n{body}")
        elif not os.path.exists(os.path.join(tap.source_dir(), file)):
            found.append(f"{name}: there is no {file}")
        elif part:
            if not is_part(body, source.read(file)):
                found.append(f"{name}: the block is no part of {file}:\n{body}")
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
    part = "<!-- part of: examples/hello.cc -->\n```cpp\n"
    tap.check("a code block that is no part of its file would be seen",
              code_breaches("x", part + "sum += 2.0;\n```\n"))
    tap.check("a part of a file is one without its indentation",
              not code_breaches("x", part + "double sum = 0;\nfor (long i = 1; i <= terms; ++i) sum += "
                                "1.0 / static_cast<double>(i);\nreturn sum;\n```\n"))
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
