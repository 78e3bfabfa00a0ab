# SPDX-License-Identifier: Apache-2.0
"""Builds podo a second way (another compiler, sanitizers) beside the main build directory."""

import os
import shutil

import tap

DEADLINE_S = 1500  # two slow cores, from nothing


def build(name, options, targets, compilers=None):
    """Sets up build-NAME beside the checkout's build directory and builds; True if it came to be."""
    directory = os.path.join(tap.source_dir(), "build-" + name)
    env = dict(os.environ, **(compilers or {}))
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        shutil.rmtree(directory, ignore_errors=True)
        setup = tap.run(["meson", "setup", directory, tap.source_dir(), *options], 300, env=env)
        if not tap.check(f"build-{name} is set up", setup.returncode == 0, setup):
            return None
    made = tap.run(["ninja", "-C", directory, *targets], DEADLINE_S, env=env)
    good = tap.check(f"build-{name} compiles without a warning", made.returncode == 0,
                     "\n".join(str(made).splitlines()[-60:]))
    return directory if good else None
