#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 120
"""docs/kubernetes.md, step by step: the service in namespaces of its own, the tools in others."""

import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402
from linked_service import SERVICE  # noqa: E402

# A container's beginning: a loopback that is up, a folder nobody else sees, then the service as process 1.
# Not all of /tmp: the service itself may lie below it.
POD = "ip link set lo up && mount -t tmpfs none \"$1\" && mkdir \"$1\"/profiles && exec \"$0\""


FOLDER = tap.temp_dir()


class Pod:
    """The service as a container: network, PID, mount, UTS and IPC namespaces of its own."""

    def __init__(self, **settings):
        env = tap.clean_environment(**{"PODO_SERVICE_NAME": "checkout", "PODO_INTERVAL": "300ms", **settings})
        self.child = tap.start(["unshare", "--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "--mount-proc",
                                "sh", "-c", POD, SERVICE, FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=env)
        self.started = json.loads(self.child.stdout.readline() or "null")

    def pid(self):
        """Of the service, as the host numbers it."""
        with open(f"/proc/{self.child.pid}/task/{self.child.pid}/children", encoding="ascii") as f:
            return int(f.read().split()[0])

    def run(self, *argv, target=False):
        """A debug container: in the pod's network namespace, else apart; with `target` it shares its processes."""
        pid = str(self.pid())
        if target:
            return tap.run(["nsenter", "-t", pid, "--net", "--pid", "unshare", "--mount", "--mount-proc", *argv], 30)
        return tap.run(["nsenter", "-t", pid, "--net", "unshare", "--pid", "--mount", "--fork", "--mount-proc", *argv], 30)

    def end(self):
        self.child.stdin.close()
        tap.check("the service ends as process 1 of its container", self.child.wait(20) == 0)


def answers(result, text):
    return result.returncode == 0 and text in result.stdout


def check_loopback():
    pod = Pod(PODO_LISTEN="127.0.0.1:6060")
    tap.check("from the host, the pod's loopback is not reached",
              tap.run(["curl", "-s", "-m", "2", "http://127.0.0.1:6060/healthz"]).returncode != 0)
    # What kubectl port-forward does: connect from within the pod's network namespace.
    forwarded = tap.run(["nsenter", "-t", str(pod.pid()), "--net", "curl", "-s", "http://127.0.0.1:6060/api/v1/status"])
    tap.check("port-forward reaches it", answers(forwarded, '"service":"checkout"'), forwarded)
    tap.check("so does an ephemeral container",
              answers(pod.run("curl", "-s", "http://127.0.0.1:6060/api/v1/status"), '"pid":1,'))
    recorded = pod.run("sh", "-c", "curl -s 'http://127.0.0.1:6060/debug/pprof/profile?seconds=1' | gzip -t && echo whole")
    tap.check("a profile is recorded from there", answers(recorded, "whole"), recorded)
    pod.end()


def check_abstract():
    pod = Pod(PODO_LISTEN="unix:@podo")
    asked = ("curl", "-s", "--abstract-unix-socket", "podo", "http://localhost/api/v1/status")
    tap.check("an abstract socket is reached by an ephemeral container", answers(pod.run(*asked), '"pid":1,'))
    tap.check("and not from the host", tap.run(list(asked)).returncode != 0)
    other = pod.run("setpriv", "--reuid=12345", "--clear-groups", *asked)
    tap.check("nor by another user of the pod", other.returncode != 0 and not other.stdout, other)
    pod.end()


def check_target():
    pod = Pod(PODO_LISTEN=f"unix:{FOLDER}/podo.sock", PODO_EXPORT=f"file://{FOLDER}/profiles/")
    asked = ("curl", "-s", "--unix-socket", f"/proc/1/root{FOLDER}/podo.sock", "http://localhost/metrics")
    tap.check("with --target a socket's file is reached under /proc/1/root",
              answers(pod.run(*asked, target=True), "podo_profiling 1\n"))
    tap.check("without it process 1 is another one", pod.run(*asked).returncode != 0)
    listed = None

    def has_files():
        nonlocal listed
        listed = pod.run("sh", "-c", f"ls /proc/1/root{FOLDER}/profiles/", target=True)
        return ".pb.gz" in listed.stdout
    tap.check("profiles written to files are there, too", tap.wait_until(has_files, 10, 0.2), listed)
    copied = pod.run("sh", "-c", f"cat /proc/1/root{FOLDER}/profiles/checkout-*.pb.gz | gzip -t && echo whole", target=True)
    tap.check("and can be copied out", answers(copied, "whole"), copied)
    pod.end()


def main():
    tools = [tool for tool in ("curl", "ip", "nsenter", "unshare", "setpriv") if shutil.which(tool) is None]
    allowed = not tools and tap.run(["unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "true"]).returncode == 0
    if not allowed:
        tap.skip("the steps of docs/kubernetes.md", ", ".join(tools) or "permission to make namespaces")
        return tap.done()
    check_loopback()
    check_abstract()
    check_target()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
