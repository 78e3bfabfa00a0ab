# SPDX-License-Identifier: Apache-2.0
"""Programs built with Go, once for each content of what describes them, outside the checkout."""

import fcntl
import glob
import hashlib
import os
import re
import shutil
import tempfile
import time

import pypi
import tap

LEAST = (1, 25)


def find():
    """A `go` that is new enough, or None. Debian's own may stand before it in PATH."""
    folders = os.environ.get("PATH", "").split(os.pathsep) + ["/usr/local/go/bin"]
    for folder in dict.fromkeys(folders):
        path = os.path.join(folder, "go")
        if os.access(path, os.X_OK):
            version = re.search(r"go(\d+)\.(\d+)", tap.run([path, "version"]).stdout)
            if version and (int(version[1]), int(version[2])) >= LEAST:
                return path
    return None


def cached(name, described_by, build, deadline):
    """The directory that `build(go, directory, run)` has filled, once for each content of the files
    `described_by`. `run(argv, **options)` runs a step at low priority; all steps together have
    `deadline` seconds. Raises Failed. Two runs at once build once."""
    digest = hashlib.sha256()
    for path in described_by:
        with open(path, "rb") as f:
            digest.update(f.read())
    directory = os.path.join(pypi.cache_dir(), f"{name}-{digest.hexdigest()[:16]}")
    os.makedirs(pypi.cache_dir(), exist_ok=True)
    with open(directory + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(directory):
            _build(name, directory, build, time.monotonic(), deadline)
    return directory


class Failed(Exception):
    """A step of a build went wrong; its words are those of the step."""


def _build(name, directory, build, began, deadline):
    go = find()
    for left_behind in glob.glob(directory + ".build-*"):  # by a run that was killed
        shutil.rmtree(left_behind, ignore_errors=True)
    temporary = tempfile.mkdtemp(prefix=os.path.basename(directory) + ".build-", dir=pypi.cache_dir())

    def run(argv, **changes):
        left = deadline - (time.monotonic() - began)
        print(f"# {name}: {' '.join(map(os.path.basename, argv[:3]))} ...", flush=True)
        env = dict(os.environ, PATH=os.path.dirname(go) + os.pathsep + os.environ["PATH"],
                   CGO_ENABLED="0", **changes)
        result = tap.run(["nice", *argv], max(left, 1), env=env, cwd=temporary)
        if result.returncode != 0 or result.timed_out:
            raise Failed(f"{' '.join(argv)}: {str(result)[-3000:]}")

    try:
        build(go, temporary, run)
        os.rename(temporary, directory)  # so that what is there is whole
        print(f"| {name}: built in {time.monotonic() - began:.0f} s, kept in {directory}", flush=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
