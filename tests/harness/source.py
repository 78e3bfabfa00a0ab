# SPDX-License-Identifier: Apache-2.0
"""The files of the project: what git tracks or would track, else all but build output."""

import os

import tap

NOT_SOURCE = ("build", "out", ".git", "__pycache__")


def files(*endings):
    """Sorted paths relative to the checkout, of regular files with one of the endings."""
    root = tap.source_dir()
    listed = tap.run(["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-co",
                      "--exclude-standard", "-z"]) if os.path.exists(root + "/.git") else None
    if listed and listed.returncode == 0:
        names = [n for n in listed.stdout.split("\0") if n]
    else:
        names = list(_walk(root))
    return sorted(n for n in set(names)
                  if os.path.isfile(os.path.join(root, n)) and (not endings or n.endswith(endings)))


def read(name):
    with open(os.path.join(tap.source_dir(), name), encoding="utf-8", errors="replace") as f:
        return f.read()


def is_binary(name):
    with open(os.path.join(tap.source_dir(), name), "rb") as f:
        return b"\0" in f.read(8192)


def _walk(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [d for d in folders if not d.startswith(NOT_SOURCE)]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)
