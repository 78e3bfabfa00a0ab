#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 180
"""Places where no profile can be written: one line, the loss counted, the program untouched; and
profiles again once the place is right."""

import glob
import os
import shutil
import stat
import sys

sys.path.insert(0, os.path.join(os.environ["PODO_SOURCE"], "tests", "harness"))
import profiled  # noqa: E402
import tap  # noqa: E402

HOST = os.path.join(tap.build_dir(), "tests", "programs", "bad_input_host")
NOBODY = 65534
PRIVATE = ["unshare", "-m", "--propagation", "private", "sh", "-c"]


class Run:
    """The host under podo with windows of 100 ms, until finish() tells it to end."""

    def __init__(self, export, wrap=(), folder=None, **options):
        self.folder = folder or tap.temp_dir()
        self.stop = os.path.join(tap.temp_dir(), "stop")
        os.chmod(os.path.dirname(self.stop), 0o755)
        self.log_path = os.path.join(tap.temp_dir(), "log")
        env = tap.clean_environment(
            LD_PRELOAD=os.path.join(tap.build_dir(), "lib", "libpodo_preload.so"), PODO_LOG="info",
            PODO_EXPORT=export.replace("DIR", self.folder), PODO_INTERVAL="100ms", PODO_SAMPLE_HZ="250",
            PODO_SYMBOLIZE="none")
        self.output = os.path.join(os.path.dirname(self.log_path), "out")
        with open(self.log_path, "wb") as log, open(self.output, "wb") as out:
            self.child = tap.start([*wrap, HOST, "until", "20000", self.stop], env=env, stdout=out,
                                   stderr=log, **options)

    def log(self):
        with open(self.log_path, encoding="utf-8") as f:
            return [l for l in f.read().splitlines() if l.startswith("podo: ")]

    def lines(self, text):
        return [l for l in self.log() if text in l]

    def wait_line(self, text):
        return tap.wait_until(lambda: self.lines(text), deadline=15)

    def windows(self, count):
        """Waits until `count` more windows have gone out or failed, as far as time can tell."""
        threads = f"/proc/{self.child.pid}/task"
        return tap.wait_until(lambda: not os.path.exists(threads), deadline=count * 0.1 + 0.1)

    def finish(self, name):
        with open(self.stop, "wb"):
            pass
        ended = tap.wait_until(lambda: self.child.poll() is not None, deadline=20)
        with open(self.output, encoding="utf-8") as f:
            output = f.read()
        tap.check(f"{name}: the program ends with its own status and output",
                  ended and self.child.returncode == 42 and output == "until done\n",
                  (self.child.returncode, output, self.log()))
        profile = profiled.Profile("", "\n".join(self.log()))
        tap.check(f"{name}: every tick is accounted for", profile.accounts(), self.log())
        return profile.totals

    def refused(self, name, cause):
        """A whole run against a place that refuses."""
        self.wait_line("sink ")
        self.windows(5)
        totals = self.finish(name)
        failures = [l for l in self.lines("sink ") if "works again" not in l]
        tap.check(f"{name}: one line, not one a window, says {cause!r}",
                  len(failures) == 1 and cause in failures[0] and totals.get("errors", 0) >= 3,
                  self.log())
        tap.check(f"{name}: what is lost is counted", totals.get("lost", 0) >= 1
                  and totals.get("written") == 0, self.log())


def left_over(folder):
    return glob.glob(os.path.join(folder, "**", ".podo-*"), recursive=True)


def directory_for_file():
    run = Run("file://DIR/run.pb.gz", folder=(folder := tap.temp_dir()))
    os.mkdir(os.path.join(folder, "run.pb.gz"))
    run.refused("a directory where a file is meant", "Is a directory")
    tap.check("a directory where a file is meant: nothing is left behind", not left_over(folder),
              left_over(folder))


def file_for_directory():
    folder = tap.temp_dir()
    with open(os.path.join(folder, "place"), "w", encoding="ascii") as f:
        f.write("mine")
    Run("file://DIR/place/", folder=folder).refused("a file where a directory is meant", "Not a directory")
    with open(os.path.join(folder, "place"), encoding="ascii") as f:
        tap.check_equal("a file where a directory is meant: it keeps its contents", f.read(), "mine")


def missing_directories():
    Run("file://DIR/a/b/c/").refused("directories missing at more than one level",
                                     "No such file or directory")
    run = Run("file://DIR/new/,file://DIR/other/run.folded")
    new = os.path.join(run.folder, "new")
    tap.wait_until(lambda: glob.glob(new + "/*.pb.gz"), deadline=15)
    totals = run.finish("one missing directory")
    tap.check("one missing directory: it is made, closed to others, and written to",
              totals.get("lost") == 0 and stat.S_IMODE(os.stat(new).st_mode) == 0o700
              and os.path.exists(os.path.join(run.folder, "other", "run.folded"))
              and not run.lines("sink "), run.log())


def read_only():
    """Modes mean nothing to root: another user, and a file system mounted read-only."""
    if os.geteuid() != 0:
        tap.skip("read-only places", "root")
        return
    closed = tap.temp_dir()
    os.chmod(closed, 0o755)
    Run("file://DIR/", folder=closed, wrap=["setpriv", f"--reuid={NOBODY}", "--clear-groups"]).refused(
        "a directory of somebody else", "Permission denied")
    if tap.run(PRIVATE + ["true"], env=tap.clean_environment()).returncode != 0:
        tap.skip("a read-only file system", "mount namespaces")
        return
    folder = tap.temp_dir()
    mount = f'mount -t tmpfs -o ro podo {folder} && exec "$@"'
    Run("file://DIR/run.html", folder=folder, wrap=PRIVATE + [mount, "sh"]).refused(
        "a read-only file system", "Read-only file system")


def full_disk():
    if os.geteuid() != 0 or tap.run(PRIVATE + ["true"], env=tap.clean_environment()).returncode != 0:
        tap.skip("a full disk", "mount namespaces")
        return
    folder = tap.temp_dir()
    fill = (f'mount -t tmpfs -o size=64k podo {folder} && head -c 65536 /dev/zero > {folder}/filler; '
            'exec "$@"')
    run = Run("file://DIR/,file://DIR/run.folded", folder=folder, wrap=PRIVATE + [fill, "sh"])
    run.wait_line("sink file://" + folder + "/run.folded")
    run.windows(4)
    inside = f"/proc/{run.child.pid}/root{folder}"
    clean = tap.wait_until(lambda: os.listdir(inside) == ["filler"], deadline=15)
    tap.check("a full disk: no half-written file is left on it", clean, os.listdir(inside))
    os.unlink(inside + "/filler")
    back = tap.wait_until(lambda: len(run.lines("works again")) == 2, deadline=15)
    files = os.listdir(inside)
    totals = run.finish("a full disk")
    failures = run.lines("No space left on device")
    tap.check("a full disk: one line for each sink, and one when it works again",
              back and len(failures) == 2 and len(run.lines("sink ")) == 4, run.log())
    tap.check("a full disk: files come again, and only windows are lost",
              any(f.endswith(".pb.gz") for f in files) and totals.get("lost", 0) >= 2
              and totals["lost"] < totals["errors"] and totals["written"] >= 2, (files, run.log()))


def removed_while_running():
    folder = tap.temp_dir()
    os.makedirs(folder + "/one/two")
    run = Run("file://DIR/one/two/,file://DIR/one/two/run.folded", folder=folder)
    tap.wait_until(lambda: glob.glob(folder + "/one/two/*.pb.gz"), deadline=15)
    os.rename(folder + "/one", folder + "/gone")  # at once, whatever is being written
    shutil.rmtree(folder + "/gone")
    lost = tap.wait_until(lambda: len(run.lines("No such file or directory")) == 2, deadline=15)
    run.windows(4)
    os.makedirs(folder + "/one/two")
    back = tap.wait_until(lambda: len(run.lines("works again")) == 2, deadline=15)
    totals = run.finish("the directory removed while running")
    tap.check("the directory removed while running: one line for each sink, one when it is back",
              lost and back and len(run.lines("sink ")) == 4, run.log())
    tap.check("the directory removed while running: both sinks write there again",
              glob.glob(folder + "/one/two/*.pb.gz") and os.path.exists(folder + "/one/two/run.folded")
              and totals.get("lost", 0) >= 1, (totals, os.listdir(folder)))


def planted():
    """What others may put at the name of the file while the service runs."""
    folder = tap.temp_dir()
    victim = os.path.join(folder, "victim")
    with open(victim, "w", encoding="ascii") as f:
        f.write("mine")
    os.symlink(victim, folder + "/link.folded")
    os.symlink("/nowhere/at/all", folder + "/dangling.folded")
    os.mkfifo(folder + "/fifo.folded")
    run = Run(",".join(f"file://DIR/{n}.folded" for n in ("link", "dangling", "fifo")), folder=folder)
    names = [folder + f"/{n}.folded" for n in ("link", "dangling", "fifo")]

    def regular():
        return all(stat.S_ISREG(os.lstat(n).st_mode) and os.stat(n).st_size for n in names)
    replaced = tap.wait_until(regular, deadline=15)
    totals = run.finish("links and a FIFO at the name")
    tap.check("links and a FIFO at the name: replaced by the profile, mode 0600, without a word",
              replaced and {stat.S_IMODE(os.stat(n).st_mode) for n in names} == {0o600}
              and totals.get("lost") == 0 and not run.lines("sink "), run.log())
    with open(victim, encoding="ascii") as f:
        tap.check_equal("a link at the name: what it points to is not touched", f.read(), "mine")


def bad_urls():
    folder = tap.temp_dir()
    bad = ["ftp://host/x", "file://relative.html", "file:///x/{pod}.html", "file:///x/{pid.html",
           "file:///x/run.txt", "file:///x/%zz/", "http://user:password@host/"]
    collectors = ["otlp+http://host:port", "otlp+https://", "otlp+http:host", "otlp+unix:relative",
                  "pyroscope+https://user:hunter2@:4040", "pprof+http://host/{pid}?token=hunter2",
                  "pprof+https://{service}/x", "otlp+http://host/{service}"]
    run = Run(",".join([*bad, "file://DIR/good.folded"]), folder=folder)
    tap.wait_until(lambda: os.path.exists(folder + "/good.folded"), deadline=15)
    totals = run.finish("bad URLs beside a good one")
    refusals = run.lines("PODO_EXPORT: ")
    tap.check("bad URLs: one line each, which says what is accepted",
              len(refusals) == len(bad) and all("accepted: " in l for l in refusals), run.log())
    bad_collectors(collectors, folder)
    tap.check("bad URLs: a password is not printed", "password" not in "".join(run.log()), run.log())
    tap.check("bad URLs: the good one beside them is written", totals.get("written", 0) >= 1
              and totals.get("lost") == 0, run.log())


def bad_collectors(urls, folder):
    """Eight sinks are the limit of complaints, so these have a run of their own."""
    run = Run(",".join([*urls[:7], "file://DIR/second.folded"]), folder=folder)
    tap.wait_until(lambda: os.path.exists(folder + "/second.folded"), deadline=15)
    totals = run.finish("bad URLs of collectors beside a good one")
    refusals = run.lines("PODO_EXPORT: ")
    tap.check("bad URLs of collectors: one line each, which says what is accepted",
              len(refusals) == 7 and all("accepted: " in l and "found " in l for l in refusals)
              and "hunter2" not in "".join(run.log()), run.log())
    tap.check("bad URLs of collectors: the good one beside them is written",
              totals.get("written", 0) >= 1 and totals.get("lost") == 0, run.log())
    run = Run(urls[7] + ",otlp+unix:/a,otlp+unix:///a,file://DIR/third.folded", folder=folder)
    tap.wait_until(lambda: os.path.exists(folder + "/third.folded"), deadline=15)
    run.finish("one collector named twice")
    tap.check("one collector named twice: said once", len(run.lines("named twice")) == 1, run.log())
    tap.check("a placeholder where none is filled in is refused", len(run.lines("found a placeholder"))
              == 1, run.log())


def main():
    for scenario in (directory_for_file, file_for_directory, missing_directories, read_only,
                     full_disk, removed_while_running, planted, bad_urls):
        scenario()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
