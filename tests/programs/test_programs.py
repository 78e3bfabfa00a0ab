#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 420
"""Programs as Debian ships them, under the preload library: they end as without it, and their
stacks reach the root. Sampling runs at the kernel's full rate, so that short runs say something;
but for a program that is to keep every core busy: signals of one timer that two cores raise at the
same kernel tick are one signal, so the ratio is a promise for the default rate."""

import hashlib
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.environ["PODO_SOURCE"], "tests", "harness"))
import profiled  # noqa: E402
import tap  # noqa: E402

ENOUGH = 50  # samples below which a share says nothing


def judge(name, profile, busy_cores=False, hot=None):
    print(f"# {name}: {profile.summary()}")
    tap.check(f"{name}: every tick is accounted for", profile.accounts(), profile.totals)
    tap.check(f"{name}: enough samples to judge", profile.walked() >= ENOUGH, profile.summary())
    tap.check(f"{name}: at least 99.5 % of the stacks reach the root",
              profile.reached_root() >= 0.995,
              [s for s in profile.samples if s.startswith(profiled.ROOTLESS)][:5])
    if busy_cores:
        tap.check(f"{name}: sampling_ratio is at least 0.98", profile.sampling_ratio() >= 0.98,
                  profile.summary())
    if hot:
        tap.check(f"{name}: the profile names {hot}", profile.with_frame(hot) > 0,
                  list(profile.samples)[:5])


def both_ways(name, argv, directory, stdin=None, outputs=(), **judged):
    """Runs argv bare and under podo; the results must be the same to the byte."""
    def once(env):
        for path in outputs:
            if os.path.exists(path):
                os.unlink(path)
        result = tap.run(argv, deadline=120, text=False, stdin=stdin, env=env, cwd=directory)
        return result, [digest(path) for path in outputs]

    bare, bare_files = once(tap.clean_environment())
    os.makedirs(os.path.join(directory, name))
    rate = {"PODO_SAMPLE_HZ": "100"} if judged.get("busy_cores") else {}
    under, under_files = once(profiled.environment(os.path.join(directory, name), **rate))
    log = under.stderr.decode("utf-8", "replace")
    tap.check_equal(f"{name}: ends with the same status", under.returncode, bare.returncode)
    tap.check(f"{name}: writes the same output", under.stdout == bare.stdout and
              profiled.without_log(log) == bare.stderr.decode("utf-8", "replace"),
              profiled.without_log(log)[:2000])
    if outputs:
        tap.check_equal(f"{name}: writes the same files", under_files, bare_files)
    judge(name, profiled.read(os.path.join(directory, name), log), **judged)


def digest(path):
    if not os.path.exists(path):
        return None
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def write_text(path, megabytes):
    """Text that compresses like text: lines of numbered words."""
    with open(path, "w", encoding="ascii") as f:
        for i in range(megabytes * 1024 * 16):
            f.write(f"{i * 7919 % 99991:>8} the quick brown fox {i * 104729 % 65537:x} lazy dog\n"[:64])


def zstd(directory):
    source = os.path.join(directory, "text")
    write_text(source, 48)
    both_ways("zstd", ["zstd", "-q", "-f", "-15", "-T2", "-k", source, "-o", "text.zst"], directory,
              outputs=[os.path.join(directory, "text.zst")], busy_cores=True)


def sqlite(directory):
    script = b"""CREATE TABLE t(a INTEGER, b TEXT);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<600000)
        INSERT INTO t SELECT i*7919%100003, printf('%x', i*104729) FROM n;
      CREATE INDEX x ON t(b);
      SELECT count(*), sum(length(b)), max(a) FROM t;
      SELECT a%7, count(DISTINCT b) FROM t GROUP BY 1 ORDER BY 1;"""
    both_ways("sqlite3", ["sqlite3", ":memory:"], directory, stdin=script, hot="sqlite3")


def python(directory):
    code = ("import re, json, hashlib, collections\n"
            "w=[str(i*7919%9973) for i in range(150000)]\n"
            "c=collections.Counter(re.sub('[13]','x',s) for s in w)\n"
            "d=json.dumps(sorted(c.items()));h=hashlib.sha256()\n"
            "for i in range(200): h.update(json.dumps(json.loads(d)).encode())\n"
            "print(len(d),h.hexdigest())\n")
    both_ways("python3", ["/usr/bin/python3", "-c", code], directory, hot="PyEval|python3")


def clang(directory):
    source = os.path.join(directory, "unit.cc")
    with open(source, "w", encoding="ascii") as f:
        f.write("#include <algorithm>\n#include <map>\n#include <regex>\n#include <string>\n"
                "int main(int c, char** v) { std::map<std::string, int> m; std::regex r(\"a+b\");\n"
                "for (int i = 0; i < c; ++i) m[v[i]] += std::regex_match(v[i], r);\n"
                "return int(m.size()); }\n")
    both_ways("clang++", ["clang++", "-O2", "-c", source, "-o", "unit.o"], directory,
              outputs=[os.path.join(directory, "unit.o")], hot="llvm|clang")


def rocksdb(directory):
    """db_bench prints times, so its end and its stacks are judged, not its text."""
    tool = shutil.which("db_bench")
    if tool is None:
        return tap.skip("rocksdb: db_bench under podo", "rocksdb-tools")
    own = os.path.join(directory, "rocksdb")
    os.makedirs(own)
    argv = [tool, "--benchmarks=fillrandom,readrandom", "--num=300000", f"--db={own}/db",
            "--threads=2", "--compression_type=none"]
    result = tap.run(argv, deadline=120, env=profiled.environment(own), cwd=own)
    tap.check_equal("db_bench: ends with status 0", result.returncode, 0)
    judge("db_bench", profiled.read(own, result.stderr), hot="rocksdb")


def redis(directory):
    own = os.path.join(directory, "redis")
    os.makedirs(own)
    socket_path = os.path.join(own, "s")
    log_path = os.path.join(own, "log")
    with open(log_path, "wb") as log:
        server = tap.start(["redis-server", "--port", "0", "--unixsocket", socket_path, "--save", "",
                            "--daemonize", "no"], env=profiled.environment(own), cwd=own,
                           stdout=log, stderr=log)
    tap.wait_until(lambda: os.path.exists(socket_path), deadline=20)
    load = tap.run(["redis-benchmark", "-s", socket_path, "-n", "150000", "-c", "20", "-q", "-t",
                    "set,get,lpush,lrange_100"], deadline=120, env=tap.clean_environment())
    tap.check("redis-server: serves redis-benchmark to its end", load.returncode == 0, load)
    tap.run(["redis-cli", "-s", socket_path, "shutdown", "nosave"], deadline=30,
            env=tap.clean_environment())
    ended = tap.wait_until(lambda: server.poll() is not None, deadline=30)
    tap.check("redis-server: ends with status 0 when told to", ended and server.returncode == 0,
              server.returncode)
    with open(log_path, encoding="utf-8", errors="replace") as f:
        judge("redis-server", profiled.read(own, f.read()), hot="redis|je_|epoll|main")


def pipeline(directory):
    """A shell, its children and theirs: each profiled by itself, nothing added to the output."""
    own = os.path.join(directory, "pipeline")
    os.makedirs(own)
    # sort handles SIGPROF itself: podo must leave it alone without a word.
    script = "seq 1 2000000 | sort -n | gzip -6 | sha256sum; echo $?; (exit 3)"
    bare = tap.run(["bash", "-c", script], deadline=60, env=tap.clean_environment())
    env = profiled.environment(own, PODO_LOG=None, PODO_EXPORT=f"file://{own}/")
    under = tap.run(["bash", "-c", script], deadline=60, env=env)
    tap.check_equal("pipeline: same status, same output, nothing on stderr",
                    (under.returncode, under.stdout, under.stderr),
                    (bare.returncode, bare.stdout, bare.stderr))
    names = {n.split("-")[0] for n in os.listdir(own)}
    tap.check("pipeline: the programs in it are profiled under their own names",
              any("gzip" in n for n in names), names)


def main():
    directory = tap.temp_dir()
    for program in (zstd, sqlite, python, clang, rocksdb, redis, pipeline):
        program(directory)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
