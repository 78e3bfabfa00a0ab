#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""Profiles of a linked service through bad weather: nothing is lost that queue or spool can hold, a retry is
the same request again, and a receiver that hangs holds up neither start nor exit."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402
from receiver import Authority, Receiver, Stub, server_context  # noqa: E402

CASE = os.path.join(tap.build_dir(), "tests", "export", "podo_delivery_case")


def environment(port, **changes):
    settings = {"PODO_EXPORT": f"otlp+http://127.0.0.1:{port}", "PODO_INTERVAL": "200ms",
                "PODO_SERVICE_NAME": "weather", "PODO_LOG": "warning"}
    return tap.clean_environment(**{**settings, **changes})


def run(port, life_ms, *how, **changes):
    """Result, and its two reports as one dictionary."""
    result = tap.run([CASE, str(life_ms), *how], 60, env=environment(port, **changes))
    reports = {}
    for line in result.stdout.splitlines():
        reports.update(json.loads(line))
    return result, reports


def bodies(receiver):
    return [hashlib.sha256(body).hexdigest() for _, _, body in receiver.requests]


class Moody(Receiver):
    """Answers by `moods`, one a request, the last one ever after."""

    def __init__(self, *moods):
        self.moods = list(moods)
        super().__init__(lambda path: self.moods.pop(0) if len(self.moods) > 1 else self.moods[0])


YES = (200, {}, b"")
LATER = (503, {}, b"the queue is full")

# Honest weather.
receiver = Moody(YES)
result, reports = run(receiver.port, 1500, "stop")
tap.check("every window arrives once, as OTLP",
          reports.get("written") == len(receiver.requests) == len(set(bodies(receiver))) >= 5
          and reports.get("lost") == 0 and result.stderr == "", f"{reports} {result}")
result, _ = run(receiver.port, 300, PODO_LOG="info")
tap.check("the log at level info names the layout", "layout 1.10, development version 1" in result.stderr, result)
path, headers, body = receiver.requests[0]
tap.check("the request is what OTLP wants",
          path == "/v1development/profiles" and headers.get("Content-Type") == "application/x-protobuf"
          and headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b"
          and headers.get("OTLP-Profiles-Development-Version") == "1", f"{path} {headers}")
receiver.close()

# Trouble that passes.
receiver = Moody(LATER, LATER, YES)
result, reports = run(receiver.port, 2500, "stop")
sent = bodies(receiver)
tap.check("a retry is byte for byte the request that failed", len(set(sent[:3])) == 1 and len(sent) > 3, sent)
tap.check("and what follows is sent once", len(set(sent[2:])) == len(sent[2:]) == reports.get("written"),
          f"{sent} {reports}")
tap.check("nothing is lost, and the attempts are counted",
          reports.get("lost") == 0 and reports.get("errors") == 2 and reports.get("retried", 0) >= 2, reports)
tap.check("the log has the receiver's words, once, and the end of trouble",
          [line.split("profiles: ")[-1] for line in result.stderr.splitlines()[:1]]
          == ["503 Service Unavailable: the queue is full"]
          and len(result.stderr.splitlines()) == 2 and "works again after 2 failed attempts" in result.stderr,
          result.stderr)
tap.check("so do the statistics", "503 Service Unavailable: the queue is full" in reports.get("last_error", ""), reports)
receiver.close()

# A refusal.
receiver = Moody((400, {"Content-Type": "text/plain"}, b"no such tenant"))
result, reports = run(receiver.port, 1000, "stop")
tap.check("what is refused is sent once and counted as lost",
          len(set(bodies(receiver))) == len(receiver.requests) == reports.get("refused") == reports.get("lost")
          and reports.get("written") == 0, f"{reports} {len(receiver.requests)}")
receiver.close()

# Nobody there, and a spool.
spool = os.path.join(tap.temp_dir(), "spool")
port = tap.free_port()
result, reports = run(port, 2000, "stop", PODO_SPOOL_DIR=spool)
files = os.listdir(spool)
tap.check("without a receiver every window is in the spool, and none is lost",
          len(files) >= reports.get("windows", 99) - 1 and reports.get("lost") == 0
          and reports.get("spooled") == len(files), f"{reports} {files}")
tap.check("its files are for their owner only",
          {oct(os.stat(os.path.join(spool, name)).st_mode & 0o777) for name in files} == {"0o600"}, files)

# kill -9 in the middle of it.
child = tap.start([CASE, "0"], env=environment(port, PODO_SPOOL_DIR=spool), stdout=subprocess.DEVNULL,
                  stderr=subprocess.DEVNULL)
before = len(files)
tap.check("a second process adds to it", tap.wait_until(lambda: len(os.listdir(spool)) >= before + 4, 30),
          os.listdir(spool))
os.kill(child.pid, signal.SIGKILL)
child.wait()
waiting = [name for name in os.listdir(spool) if name.endswith(".spool")]

tap.check("what was killed left whole files", len(waiting) >= before + 4, waiting)

# The same URL is the same sink, so the receiver comes up where it was expected.
receiver = Receiver(lambda path: (200, {}, b""), port=port)
child = tap.start([CASE, "0"], env=environment(port, PODO_SPOOL_DIR=spool), stdout=subprocess.DEVNULL)
tap.check("a later process with the same sink sends what the others left",
          tap.wait_until(lambda: not [n for n in os.listdir(spool) if n.endswith(".spool")], 60),
          os.listdir(spool))
tap.kill(child)
arrived = bodies(receiver)
tap.check("each of them once", len(arrived) == len(set(arrived)) and len(arrived) >= len(waiting),
          f"{len(arrived)} arrived, {len(set(arrived))} different, {len(waiting)} had waited")
receiver.close()

# A receiver that never answers.
hole = Stub(lambda connection: time.sleep(3600))
spool = os.path.join(tap.temp_dir(), "spool")
quiet, quiet_reports = run(port, 1500, PODO_EXPORT="none")
result, reports = run(hole.port, 1500, PODO_SPOOL_DIR=spool, PODO_EXIT_TIMEOUT="2s")
tap.check("a receiver that hangs holds up an exit no longer than PODO_EXIT_TIMEOUT",
          result.returncode == 0 and not result.timed_out and result.seconds < quiet.seconds + 2.0,
          f"{result.seconds} s, without a sink {quiet.seconds} s")
tap.check("and what waits behind it is in the spool by then", len(os.listdir(spool)) >= 6,
          f"{os.listdir(spool)} {reports}")
result, reports = run(hole.port, 100, PODO_INTERVAL="10s", PODO_EXIT_TIMEOUT="10s")
tap.check("a short process tries a sink that has not answered yet for 200 ms, no longer",
          result.returncode == 0 and result.seconds < 3, f"{result.seconds} s")
result, reports = run(hole.port, 1500, "stop", PODO_EXPORT=f"otlp+http://127.0.0.1:{hole.port},"
                      f"file://{tap.temp_dir()}/")
tap.check("a sink that hangs does not keep windows from another one",
          reports.get("written", 0) >= reports.get("windows", 99) - 1, reports)

# A host with OpenSSL of its own, which is torn down at exit; the receiver is slow enough for that to meet an upload.
def slowly(path):
    time.sleep(0.05)
    return 200, {}, b""


if not os.path.exists(CASE + "_openssl"):
    tap.skip("uploads over TLS do not meet the end of the host's OpenSSL", "OpenSSL's headers at build time")
else:
    authority = Authority(tap.temp_dir())
    secure = Receiver(slowly, tls=server_context(*authority.issue("receiver", "IP:127.0.0.1")))
    ends = []
    for _ in range(20):
        result = tap.run([CASE + "_openssl", "300"], 30, env=environment(
            secure.port, PODO_EXPORT=f"otlp+https://127.0.0.1:{secure.port}", PODO_CERTIFICATE=authority.path,
            PODO_INTERVAL="100ms"))
        ends.append((result.returncode, result.stderr))
    tap.check("uploads over TLS do not meet the end of the host's OpenSSL (20 of 20)",
              ends == [(0, "")] * 20, [e for e in ends if e != (0, "")][:3])
    tap.check("and the last windows arrive", len(secure.requests) >= 40, len(secure.requests))
    secure.close()

sys.exit(tap.done())
