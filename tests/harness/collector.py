# SPDX-License-Identifier: Apache-2.0
"""The real OpenTelemetry Collector as a gateway: built once, run on loopback, stopped or killed."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess

import golang
import tap

MANIFEST = os.path.join(tap.source_dir(), "tests", "interop", "collector", "builder.yaml")
BUILD_DEADLINE_S = 900  # 150 s of one core when nothing is cached
PROGRAM = "otelcol"


def program():
    """The collector's path; None without a Go that can build it. Raises golang.Failed."""
    if golang.find() is None:
        return None
    return os.path.join(golang.cached("collector", [MANIFEST], _build, BUILD_DEADLINE_S), PROGRAM)


def program_for(sentence):
    """The collector's path, or None after the script was told why `sentence` cannot be tested."""
    try:
        path = program()
    except golang.Failed as failure:
        tap.check("the OpenTelemetry Collector is built", False, failure)
        return None
    if path is None:
        tap.skip(sentence, "Go 1.25 or later")
    return path


def _build(go, directory, run):
    tools, sources = os.path.join(directory, "tools"), os.path.join(directory, "sources")
    with open(MANIFEST, encoding="utf-8") as f:
        manifest = f.read()
    version = re.search(r"^  version: (\S+)$", manifest, re.MULTILINE)[1]
    placed = os.path.join(directory, "builder.yaml")
    with open(placed, "w", encoding="utf-8") as f:
        f.write(manifest.replace("dist:\n", f"dist:\n  output_path: {sources}\n", 1))
    run([go, "install", f"go.opentelemetry.io/collector/cmd/builder@v{version}"], GOBIN=tools)
    run([os.path.join(tools, "builder"), "--config", placed, "--skip-compilation"])
    run([go, "-C", sources, "build", "-trimpath", "-ldflags=-s -w", "-o",
         os.path.join(directory, PROGRAM), "."])
    shutil.rmtree(tools)
    shutil.rmtree(sources)


class Gateway:
    """One collector: OTLP in at `port`, out to another gateway (`to`, a URL) or into a file.

    What it said yes to outlives it: the queue to the next one is kept in `directory`."""

    def __init__(self, binary, directory, to=None, attributes=(), compression="gzip"):
        self.binary, self.directory, self.port = binary, directory, tap.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.arrivals = os.path.join(directory, "arrivals.jsonl")
        self.log_path = os.path.join(directory, "log")
        self.child = None
        os.makedirs(os.path.join(directory, "queue"), exist_ok=True)
        with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as f:
            json.dump(self._config(to, attributes, compression), f, indent=1)  # JSON is YAML

    def _config(self, to, attributes, compression):
        exporter, settings = "file", {"path": self.arrivals, "flush_interval": "50ms", "append": True}
        if to is not None:
            exporter = "otlp_http"
            settings = {"endpoint": to, "compression": compression,
                        "sending_queue": {"storage": "file_storage", "num_consumers": 2},
                        "retry_on_failure": {"initial_interval": "100ms", "max_interval": "500ms",
                                             "max_elapsed_time": "0s"}}
        return {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}},
            "processors": {"resource": {"attributes": [
                {"key": k, "value": v, "action": "insert"}
                for k, v in dict(attributes).items()]}} if attributes else {},
            "exporters": {exporter: settings},
            "extensions": {"file_storage": {"directory": os.path.join(self.directory, "queue")}},
            "service": {
                "extensions": ["file_storage"],
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"profiles": {
                    "receivers": ["otlp"], "processors": ["resource"] if attributes else [],
                    "exporters": [exporter]}}}}

    def start(self, deadline=30):
        """True when it accepts connections."""
        with open(self.log_path, "ab") as log:
            self.child = tap.start(
                [self.binary, "--config", os.path.join(self.directory, "config.json"),
                 "--feature-gates=service.profilesSupport"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=tap.clean_environment())
        return tap.wait_until(lambda: self.child.poll() is not None or self._accepts(), deadline) and (
            self.child.poll() is None)

    def _accepts(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self, deadline=20):
        """As an operator stops it: what it holds is passed on or kept. False if it had to be killed."""
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(deadline)
        except subprocess.TimeoutExpired:
            pass
        ended = self.child.poll() is not None
        tap.kill(self.child)
        return ended

    def kill(self):
        tap.kill(self.child)

    def log(self, lines=15):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return "\n".join(l[:400] for l in f.read().splitlines()[-lines:])
