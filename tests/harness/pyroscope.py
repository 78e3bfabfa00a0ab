# SPDX-License-Identifier: Apache-2.0
"""A real Grafana Pyroscope on loopback, and questions to its API.

The program is found, not built: PODO_TEST_PYROSCOPE, else `pyroscope` in PATH."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import tap

CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
SAMPLES = "process_cpu:samples:count:cpu:nanoseconds"


def program():
    """Its path, or None."""
    return os.environ.get("PODO_TEST_PYROSCOPE") or shutil.which("pyroscope")


class Pyroscope:
    def __init__(self, binary, directory):
        self.binary, self.directory, self.child = binary, directory, None
        self.port, self.grpc, self.raft, self.gossip = (tap.free_port() for _ in range(4))
        self.log_path = os.path.join(directory, "log")

    def _arguments(self):
        loopback = ("compactor.ring.instance-addr", "distributor.ring.instance-addr",
                    "ingester.lifecycler.addr", "overrides-exporter.ring.instance-addr",
                    "query-frontend.instance-addr", "query-scheduler.ring.instance-addr",
                    "segment-writer.lifecycler.addr", "store-gateway.sharding-ring.instance-addr",
                    "server.http-listen-address", "server.grpc-listen-address",
                    "memberlist.bind-addr", "memberlist.advertise-addr")
        settings = {
            "self-profiling.disable-push": "true", "usage-stats.enabled": "false",
            "server.http-listen-port": self.port, "server.grpc-listen-port": self.grpc,
            "memberlist.bind-port": self.gossip,
            "metastore.raft.bind-address": f"127.0.0.1:{self.raft}",
            "metastore.raft.advertise-address": f"127.0.0.1:{self.raft}",
            "metastore.address": f"127.0.0.1:{self.grpc}",
            "query-backend.address": f"127.0.0.1:{self.grpc}",
            "metastore.min-ready-duration": "0s", "ingester.min-ready-duration": "0s",
            "segment-writer.min-ready-duration": "0s",
            "enable-query-backend-from": "2020-01-01T00:00:00Z",
            "pyroscopedb.data-path": os.path.join(self.directory, "db"),
            "metastore.data-dir": os.path.join(self.directory, "metastore"),
            "metastore.raft.dir": os.path.join(self.directory, "raft"),
            "storage.filesystem.dir": os.path.join(self.directory, "store"),
            **{name: "127.0.0.1" for name in loopback}}
        return [f"-{name}={value}" for name, value in settings.items()]

    def start(self, deadline=120):
        """True when it says that it is ready."""
        with open(self.log_path, "ab") as log:
            self.child = tap.start([self.binary, *self._arguments()], cwd=self.directory,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env=tap.clean_environment())
        return tap.wait_until(lambda: self.child.poll() is not None or self._ready(), deadline,
                              0.2) and self.child.poll() is None

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def log(self, lines=15):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return "\n".join(l[:400] for l in f.read().splitlines()[-lines:])

    def stop(self):
        tap.kill(self.child)

    def ask(self, method, **question):
        """An answer of the querier, label names with dots included; an error is its text."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/querier.v1.QuerierService/{method}",
            json.dumps(question).encode(), {"Content-Type": "application/json",
                                      "Accept": "*/*;allow-utf8-labelnames=true"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"error": error.read().decode("utf-8", "replace")[:500]}

    def render(self, selector, since_s, until_s, **more):
        """(status, JSON or text) of what its page draws."""
        query = urllib.parse.urlencode({"query": CPU + selector, "from": int(since_s * 1000),
                                        "until": int(until_s * 1000), "format": "json", **more})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/pyroscope/render?{query}",
                                        timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")[:500]

    def functions(self, selector, since_s, until_s, kind=CPU):
        """({function: (total, self)}, whole) of a range of time."""
        answer = self.ask("SelectMergeStacktraces", profileTypeID=kind, labelSelector=selector,
                          start=int(since_s * 1000), end=int(until_s * 1000))
        return _by_name(answer.get("flamegraph", {}), 4), int(answer.get("flamegraph", {}).get("total", 0))

    def of_spans(self, selector, spans, begin, end):
        """The same of these spans' samples: what Pyroscope calls a span profile."""
        graph = self.ask("SelectMergeSpanProfile", profileTypeID=CPU, labelSelector=selector, spanSelector=spans,
                         start=int(begin * 1000), end=int(end * 1000)).get("flamegraph", {})
        return _by_name(graph, 4), int(graph.get("total", 0))

    def difference(self, selector, left, right):
        """{function: (left total, left self, right total, right self)} and both wholes."""
        sides = [{"profileTypeID": CPU, "labelSelector": selector, "start": int(a * 1000),
                  "end": int(b * 1000)} for a, b in (left, right)]
        graph = self.ask("Diff", left=sides[0], right=sides[1]).get("flamegraph", {})
        return _by_name(graph, 7), int(graph.get("leftTicks", 0)), int(graph.get("rightTicks", 0))


def _by_name(graph, width):
    """Sums by name over the bars of a flame graph: `width` numbers a bar, the last the name's; every
    offset is left out. A function that calls itself counts again in its total."""
    keep = (1, 2) if width == 4 else (1, 2, 4, 5)
    found = {}
    for level in graph.get("levels", []):
        values = [int(v) for v in level.get("values", [])]
        for at in range(0, len(values), width):
            bar = values[at:at + width]
            name = graph["names"][bar[-1]]
            found[name] = tuple(a + b for a, b in zip(found.get(name, (0,) * len(keep)),
                                                      (bar[i] for i in keep)))
    return found
