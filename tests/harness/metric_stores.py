# SPDX-License-Identifier: Apache-2.0
"""Real Prometheus and VictoriaMetrics on loopback, as Debian packages them."""

import json
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request

import tap

STARTUP_S = 30


class Store:
    """A server that answers PromQL over /api/v1/query."""

    def __init__(self, name, argv, port, ready_path):
        self.port = port
        self.log_path = os.path.join(tap.temp_dir(), name + ".log")
        with open(self.log_path, "wb") as log:
            self.child = tap.start(argv, stdout=log, stderr=log)
        self.started = tap.wait_until(lambda: self._get(ready_path) is not None, STARTUP_S, 0.1)

    def _get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, OSError):
            return None

    def query(self, promql):
        """[({label: value}, number)] of an instant query; empty if it failed."""
        text = self._get("/api/v1/query?" + urllib.parse.urlencode({"query": promql}))
        if text is None:
            return []
        return [(row["metric"], float(row["value"][1])) for row in json.loads(text)["data"]["result"]]

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def end(self):
        tap.kill(self.child)


def victoria_metrics():
    port = tap.free_port()
    return Store("victoria-metrics", [
        shutil.which("victoria-metrics"), f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=12",
        f"-storageDataPath={os.path.join(tap.temp_dir(), 'victoria-data')}",
        "-search.latencyOffset=0s", "-search.disableCache"], port, "/health")


def prometheus(targets, remote_write=None, bearer=None):
    """Scrapes `targets` (host:port) every second."""
    port, directory = tap.free_port(), tap.temp_dir()
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
              "scrape_configs": [{"job_name": "podo", "static_configs": [{"targets": targets}]}]}
    if bearer is not None:
        config["scrape_configs"][0]["authorization"] = {"credentials_file": bearer}
    if remote_write is not None:
        config["remote_write"] = [{"url": remote_write, "queue_config": {"batch_send_deadline": "500ms"}}]
    path = os.path.join(directory, "prometheus.yml")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)  # JSON is YAML
    return Store("prometheus", [
        shutil.which("prometheus"), f"--config.file={path}", f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={os.path.join(directory, 'prometheus-data')}"], port, "/-/ready")


def check_lines(text):
    """What promtool finds wrong with the text of a /metrics."""
    return tap.run([shutil.which("promtool"), "check", "metrics"], 30, stdin=text)
