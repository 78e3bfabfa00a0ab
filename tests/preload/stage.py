# SPDX-License-Identifier: Apache-2.0
"""A directory with libpodo_preload.so and an engine beside it, and many watched runs under it.

Every scenario runs with the stand-in engine (fake_podo.c) and, where the build has it, with
libpodo.so; PODO_TEST_ENGINE=fake or real picks one. PODO_TEST_LONG=1 runs the long form.
"""

import collections
import concurrent.futures
import glob
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
import tap  # noqa: E402

LONG = os.environ.get("PODO_TEST_LONG") == "1"
PARALLEL = 6  # runs mostly sleep until podo starts; more would only stretch their deadlines
SURVIVED = 42  # what every program of this suite ends with when all was well


def repeats(short, long):
    return long if LONG else short


def program(name):
    return os.path.join(tap.build_dir(), "tests", "preload", name)


TARGET = program("preload_exec_target")


class Engine:
    """`name` for sentences, `preload` for LD_PRELOAD, `environment` for a profiled child."""

    def __init__(self, name, library):
        self.name = name
        self.folder = tap.temp_dir("podo-preload-")
        os.chmod(self.folder, 0o755)
        self.preload = os.path.join(self.folder, "libpodo_preload.so")
        shutil.copy(os.path.join(tap.build_dir(), "lib", "libpodo_preload.so"), self.preload)
        shutil.copy(library, os.path.join(self.folder, "libpodo.so"))

    def environment(self, **changes):
        return tap.clean_environment(LD_PRELOAD=self.preload, PODO_SAMPLE_HZ="250", **changes)

    def reporting(self, **changes):
        """(environment, folder): each profiled process leaves a file in the folder when it ends."""
        folder = tap.temp_dir("podo-report-")
        if self.name == "fake":
            return self.environment(PODO_TEST_REPORT=folder + "/r", **changes), folder
        export = f"file://{folder}/{{service}}-{{pid}}.folded"
        return self.environment(PODO_EXPORT=export, **changes), folder

    def ticks(self, folder):
        """Program name -> ticks (fake) or summed sample values (real) of all its processes."""
        found = collections.Counter()
        for path in glob.glob(folder + "/*"):
            with open(path, encoding="utf-8") as f:
                lines = f.read().splitlines()
            if self.name == "fake":
                name, ticks, _ = lines[0].split()
                found[name] += int(ticks)
            else:
                service = os.path.basename(path).rpartition("-")[0]
                found[service] += sum(int(line.rpartition(" ")[2]) for line in lines)
        return found


def engines():
    """The engines to test with. A build without libpodo.so cannot be tested with it: a named skip."""
    wanted = os.environ.get("PODO_TEST_ENGINE", "fake,real").split(",")
    found = []
    if "fake" in wanted:
        found.append(Engine("fake", program("libfake_podo.so")))
    real = os.path.join(tap.build_dir(), "lib", "libpodo.so")
    if "real" in wanted:
        if os.path.exists(real):
            found.append(Engine("real", os.path.realpath(real)))
        else:
            tap.skip("the same with the real engine", "lib/libpodo.so in the build")
    return found


def survive(sentence, command, environment, runs, expected=SURVIVED, deadline=30):
    """Runs `command` (a list, or a function of the run's number) `runs` times; all must end with
    `expected` and none reach the deadline. Returns the results."""
    make = command if callable(command) else lambda _: command

    def once(number):
        return tap.run(make(number), env=environment, deadline=deadline)

    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        results = list(pool.map(once, range(runs)))
    bad = [r for r in results if r.timed_out or r.returncode != expected]
    tap.check(f"{sentence} ({runs - len(bad)} of {runs})", not bad,
              "\n".join(str(r) for r in bad[:3]))
    return results
