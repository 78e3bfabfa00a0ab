# SPDX-License-Identifier: Apache-2.0
"""The real programs the bench suite profiles, each as one call that runs it under an environment."""

import os
import shutil

import tap


def write_mixed(path, megabytes):
    """Bytes that compress, but not to nothing."""
    with open(path, "wb") as f:
        for i in range(megabytes * 1024 * 16):
            f.write(f"{i * 7919 % 99991:>9} {i * i * 104729 % 1000003:x} quick brown {i * 31 % 977}"
                    .ljust(63).encode()[:63] + b"\n")


def write_unit(path, copies):
    """A C++ file whose compilation takes about 0.1 s a copy, on top of 0.3 s."""
    with open(path, "w", encoding="ascii") as f:
        f.write("#include <algorithm>\n#include <map>\n#include <regex>\n#include <string>\n"
                "#include <vector>\ntemplate <int N> struct Tag { int v = N; };\n")
        for i in range(copies):
            f.write(f"int f{i}(const std::vector<std::string>& w) {{\n"
                    f"  std::map<std::string, Tag<{i}>> m; std::vector<Tag<{i}>> o;\n"
                    f"  for (auto& s : w) {{ m[s].v += {i}; o.push_back(m[s]); }}\n"
                    "  std::sort(o.begin(), o.end(), [](auto& a, auto& b) { return a.v < b.v; });\n"
                    "  return o.empty() ? 0 : o[0].v; }\n")
        f.write("int main() { return f0({}); }\n")


def _succeed(name, result):
    if result.returncode != 0:
        raise RuntimeError(f"{name}: {result}")


class Programs:
    """Ready to run; `missing` names what is not installed."""

    def __init__(self, directory):
        self.directory = directory
        self.text = os.path.join(directory, "text")
        self.unit = os.path.join(directory, "unit.cc")
        self.large_unit = os.path.join(directory, "large.cc")
        write_mixed(self.text, 8)
        write_unit(self.unit, 1)
        write_unit(self.large_unit, 800)

    def zstd(self, env):
        _succeed("zstd", tap.run(["zstd", "-q", "-f", "-9", "-T2", self.text, "-o",
                                  self.text + ".zst"], deadline=60, env=env))

    def clang(self, env):
        _succeed("clang++", tap.run(["clang++", "-O2", "-c", self.unit, "-o", self.unit + ".o"],
                                    deadline=60, env=env))

    def rocksdb(self, env):
        store = os.path.join(self.directory, "db")
        shutil.rmtree(store, ignore_errors=True)
        _succeed("db_bench", tap.run(self.db_bench(store, 25000), deadline=60, env=env))

    def redis(self, env):
        path = os.path.join(self.directory, "redis.sock")
        if os.path.exists(path):
            os.unlink(path)  # a killed server leaves it
        server = tap.start(self.redis_server(path), env=env, cwd=self.directory,
                           stdout=-3, stderr=-3)  # to /dev/null
        try:
            if not tap.wait_until(lambda: os.path.exists(path), deadline=20):
                raise RuntimeError("redis-server does not listen")
            self.redis_load(path, 15000)
            tap.run(["redis-cli", "-s", path, "shutdown", "nosave"], env=tap.clean_environment())
            tap.wait_until(lambda: server.poll() is not None, deadline=20)
        finally:
            tap.kill(server)

    @staticmethod
    def db_bench(store, keys, benchmarks="fillrandom,readrandom"):
        return ["db_bench", f"--benchmarks={benchmarks}", f"--num={keys}", f"--db={store}",
                "--compression_type=none"]

    @staticmethod
    def redis_server(path):
        return ["redis-server", "--port", "0", "--unixsocket", path, "--save", ""]

    @staticmethod
    def redis_load(path, requests):
        _succeed("redis-benchmark", tap.run(
            ["redis-benchmark", "-s", path, "-n", str(requests), "-c", "20", "-q", "-P", "16", "-t",
             "set,get,lpush,lrange_100"], deadline=60, env=tap.clean_environment()))
