# SPDX-License-Identifier: Apache-2.0
"""Python packages from PyPI in a virtual environment that outlives the checkout."""

import fcntl
import glob
import hashlib
import os
import shutil
import sys

import tap


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "podo-tests")


def use(manifest):
    """Makes what the requirements file `manifest` names importable here; False if it cannot be had
    (no network, no python3-venv). Installed once for each content of the manifest."""
    with open(manifest, "rb") as f:
        key = hashlib.sha256(f.read() + sys.version.encode()).hexdigest()[:16]
    directory = os.path.join(cache_dir(), "python-" + key)
    os.makedirs(cache_dir(), exist_ok=True)
    complete = os.path.join(directory, "complete")
    with open(directory + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(complete) and not _install(manifest, directory):
            return False
        with open(complete, "w", encoding="utf-8"):
            pass
    sys.path[:0] = glob.glob(os.path.join(directory, "lib", "python3*", "site-packages"))
    return True


def _install(manifest, directory):
    shutil.rmtree(directory, ignore_errors=True)
    for command in ([sys.executable, "-m", "venv", directory],
                    [os.path.join(directory, "bin", "pip"), "install", "--quiet",
                     "--disable-pip-version-check", "--retries", "1", "--timeout", "15",
                     "-r", manifest]):
        result = tap.run(command, 180)
        if result.returncode != 0:
            print("# " + " ".join(str(result).split("\n")[-3:]))
            return False
    return True
