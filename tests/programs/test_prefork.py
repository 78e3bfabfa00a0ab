#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 180
"""A real prefork server under the preload library: nginx, in the foreground and as a daemon."""

import http.client
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.environ["PODO_SOURCE"], "tests", "harness"))
import pprof_file  # noqa: E402
import profiled  # noqa: E402
import tap  # noqa: E402

NGINX = "/usr/sbin/nginx"
REQUESTS = 60
CONFIG = """
worker_processes 2;
pid {folder}/pid;
error_log {folder}/error.log;
user root;
events {{ worker_connections 64; }}
http {{
  access_log off; gzip on; gzip_comp_level 9; gzip_types *; gzip_min_length 1;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def number_in(path):
    try:
        with open(path, encoding="utf-8") as f:
            return int(f.read())
    except (OSError, ValueError):
        return 0


def workers_of(master):
    try:
        with open(f"/proc/{master}/task/{master}/children", encoding="utf-8") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def ask(port):
    """Answers that were whole; each is compressed anew."""
    whole = 0
    for _ in range(REQUESTS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/text", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        whole += answer.status == 200 and len(answer.read()) > 1000
        connection.close()
    return whole


def serve(way, fork):
    """Serves REQUESTS and ends. Returns (name, master, workers, pid -> ticks in its profiles)."""
    folder = tap.temp_dir("podo-nginx-")
    for name in ("www", "profiles"):
        os.mkdir(f"{folder}/{name}")
    write(folder + "/www/text", "".join(f"{n * n} " for n in range(20000)))
    port = tap.free_port()
    write(folder + "/nginx.conf", CONFIG.format(folder=folder, port=port))
    env = profiled.environment(folder, PODO_FORK=fork, PODO_EXPORT=f"file://{folder}/profiles/")
    name = f"nginx, daemon {way}, PODO_FORK={fork}"
    master = 0
    with open(folder + "/log", "wb") as log:
        started = tap.start([NGINX, "-c", folder + "/nginx.conf", "-g", f"daemon {way};"], env=env,
                            stdout=log, stderr=log)
    try:
        tap.wait_until(lambda: len(workers_of(number_in(folder + "/pid"))) == 2, 20)
        master = number_in(folder + "/pid")
        workers = workers_of(master)
        tap.check_equal(f"{name}: every answer is whole", ask(port), REQUESTS)
        os.kill(master, signal.SIGQUIT)
        tap.check(f"{name}: it ends when it is told to",
                  tap.wait_until(lambda: started.poll() == 0 and not number_in(folder + "/pid"), 20))
    finally:
        if master and number_in(folder + "/pid"):
            os.kill(master, signal.SIGKILL)
    # A worker's last file may be its last act: all are there once the last one is gone.
    tap.wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), 20)
    ticks = {}
    for file in os.listdir(folder + "/profiles"):
        pid = int(file.split("-")[-3])
        profile = pprof_file.Profile(os.path.join(folder, "profiles", file))
        ticks[pid] = ticks.get(pid, 0) + profile.ticks()
    return name, master, workers, ticks


def main():
    for way in ("on", "off"):
        name, master, workers, ticks = serve(way, "child")
        tap.check(f"{name}: two workers, and each that served has profiles of its own",
                  len(workers) == 2 and sum(ticks.get(pid, 0) for pid in workers) >= 50, ticks)
        tap.check(f"{name}: nobody else has any", set(ticks) <= set(workers) | {master}, ticks)
    name, _, workers, ticks = serve("off", "off")
    tap.check(f"{name}: no worker has", not set(ticks) & set(workers), ticks)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
