#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 600
"""PODO_FORK=child: workers, daemons and children of every kind, each a profiled process of its own."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenario  # noqa: E402
from scenario import tap  # noqa: E402
import pprof_file  # noqa: E402


def profiles_by_pid(folder):
    """pid -> (comments, named samples) of all its profiles."""
    found = {}
    for name in sorted(os.listdir(folder)):
        profile = pprof_file.Profile(os.path.join(folder, name))
        comments, samples = found.setdefault(int(name.split("-")[-3]), ([], []))
        comments += profile.comments
        samples += profile.named_samples()
    return found


def share(samples, wanted):
    total = sum(s.values[0] for s in samples)
    return sum(s.values[0] for s in samples if wanted(s)) / total if total else 0.0


def run(sentence, folder, *arguments, **options):
    env = scenario.environment(PODO_FORK="child", PODO_EXPORT=f"file://{folder}/",
                               PODO_SYMBOLIZE="full", PODO_EXIT_TIMEOUT="20s")
    return scenario.run(sentence, "fork", *arguments, env=env, **options)


def prefork(workers=3):
    folder = tap.temp_dir()
    ended = run("a server forks three workers and waits for them", folder, "prefork", workers)
    pids = [int(row[0]) for row in ended.rows("worker")]
    master = int(ended.rows("master")[0][0])
    found = profiles_by_pid(folder)
    tap.check_equal("each worker ends well, and counts its own ticks", ended.facts.get("well"), workers)
    tap.check_equal("each process writes files of its own", sorted(found), sorted(pids + [master]))
    for number, pid in enumerate(pids):
        comments, samples = found.get(pid, ([], []))
        work = share(samples, lambda s: any("WorkOfChild" in f for f in s.stack))
        tap.check(f"worker {number}: its profile is of its own work ({work:.0%})", work >= 0.9, ended)
        labelled = share(samples, lambda s: s.labels.get("worker") == str(number) and
                         s.labels.get("role") == "server")
        tap.check(f"worker {number}: with its own scope's label, and that of the scope it was forked in "
                  f"({labelled:.0%})", labelled >= 0.9, [s.labels for s in samples][:5])
        tap.check(f"worker {number}: the profile says whose it is",
                  f"process.pid={pid}" in comments, comments)
    inherited = share(found.get(master, ([], []))[1],
                      lambda s: any("WorkOfChild" in f for f in s.stack))
    tap.check("the server's profile has none of the workers' time", inherited == 0, found.get(master))
    tap.check("nobody says that children are not profiled",
              not ended.logged("children are not profiled"), ended)


def daemon():
    folder = tap.temp_dir()
    ended = run("a daemon: forked twice, elsewhere, its descriptors closed", folder, "daemon")
    pid = int(ended.rows("worker")[0][0])
    samples = profiles_by_pid(folder).get(pid, ([], []))[1]
    work = share(samples, lambda s: any("WorkOfChild" in f for f in s.stack))
    tap.check(f"it is profiled ({work:.0%} is its work)", work >= 0.9, os.listdir(folder))


def storm():
    rounds = 400 if scenario.LONG else 40
    ended = run("forks from three threads, while scopes open and the run ends and begins",
                tap.temp_dir(), "storm", rounds, deadline=300)
    tap.check_equal("every child ends well: those that end, exec, start podo, are about to be profiled",
                    ended.facts.get("well"), 3 * rounds)


def main():
    prefork()
    daemon()
    storm()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
