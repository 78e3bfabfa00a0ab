# SPDX-License-Identifier: Apache-2.0
"""Runs the fuzz targets of a build: over their corpora, or on fresh inputs for some seconds."""

import glob
import os

import tap


def corpus_of(target):
    return os.path.join(tap.source_dir(), "tests", "fuzz", "corpus", target)


def _binaries(build, prefix):
    """(target, path) of each binary; the directories of its objects bear similar names."""
    found = sorted(glob.glob(os.path.join(build, "tests", "fuzz", prefix + "*")))
    return [(os.path.basename(p)[len(prefix):], p) for p in found if os.path.isfile(p)]


def replay(build, env):
    """Feeds every corpus file to its target; one check a target."""
    for target, binary in _binaries(build, "podo_replay_"):
        inputs = sorted(glob.glob(os.path.join(corpus_of(target), "*")))
        if tap.check(f"the corpus of {target} has inputs", inputs):
            result = tap.run([binary, *inputs], 300, env=env)
            tap.check(f"{target} takes its {len(inputs)} corpus inputs", result.returncode == 0, result)


def explore(build, seconds_each):
    """Runs libFuzzer from the corpus; new inputs go to a directory that is thrown away."""
    found = _binaries(build, "podo_fuzz_")
    tap.check("there are fuzz targets", found)
    for target, binary in found:
        scratch = tap.temp_dir()
        result = tap.run([binary, f"-max_total_time={seconds_each}", "-timeout=10", "-rss_limit_mb=2048",
                          f"-artifact_prefix={scratch}/", scratch, corpus_of(target)],
                         seconds_each + 120, cwd=scratch)
        tap.check(f"{target} survives {seconds_each} s of fresh inputs", result.returncode == 0,
                  "\n".join(str(result).splitlines()[-40:]))
