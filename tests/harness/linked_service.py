# SPDX-License-Identifier: Apache-2.0
"""The service of tests/interop/service_case.cc: linked with podo, asked over its standard input."""

import json
import os
import subprocess

import tap

SERVICE = os.path.join(tap.build_dir(), "tests", "interop", "podo_service_case")
SPOOL_ENDING = ".spool"
TIMEOUT_MS = 700  # of one request of podo's


class Service:
    """A running podo_service_case that sends to a port of loopback."""

    def __init__(self, port, scheme="otlp+http", **settings):
        self.log_path = os.path.join(tap.temp_dir(), "log")
        env = tap.clean_environment(**{
            "PODO_EXPORT": f"{scheme}://127.0.0.1:{port}", "PODO_SERVICE_NAME": "checkout",
            "PODO_LABELS": "team=shop", "PODO_INTERVAL": "200ms",
            "OTEL_EXPORTER_OTLP_TIMEOUT": str(TIMEOUT_MS), **settings})
        with open(self.log_path, "wb") as log:
            self.child = tap.start([SERVICE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                   text=True, env=env)
        self.started = json.loads(self.child.stdout.readline())

    def ask(self, word="stats"):
        self.child.stdin.write(word + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def end(self, spool=None):
        """The last counters, when everything was sent."""
        if spool is not None:
            tap.check("the spool becomes empty", tap.wait_until(lambda: not spooled(spool), 120, 0.2),
                      spooled(spool))
        flushed, stopped = self.ask("flush"), self.ask("stop")
        tap.check("the service flushes, stops and ends", flushed["code"] == 0 and stopped["code"] == 0
                  and self._leaves(), f"{flushed}\n{stopped}\n{self.log()}")
        return stopped

    def _leaves(self):
        self.child.stdin.close()
        return self.child.wait(20) == 0

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()


def spooled(directory):
    """Profiles that wait there."""
    return [n for n in os.listdir(directory) if n.endswith(SPOOL_ENDING)]


def host_ticks(stats):
    """What the profiles hold together."""
    return stats["ticks"] - stats["own"] - stats["foreign"]
