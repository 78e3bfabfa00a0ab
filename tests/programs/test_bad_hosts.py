#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 300
"""Programs that make podo's life hard: no descriptors, no address space, no file of any size, no
SIGPROF, no stderr. They end as without podo, and what they own is not touched."""

import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["PODO_SOURCE"], "tests", "harness"))
import profiled  # noqa: E402
import tap  # noqa: E402

PROGRAMS = os.path.join(tap.build_dir(), "tests", "programs")
HOST = os.path.join(PROGRAMS, "bad_input_host")
LINKED = os.path.join(PROGRAMS, "bad_input_linked")


def environment(folder, **changes):
    return profiled.environment(folder, **{"PODO_INTERVAL": "100ms", "PODO_SYMBOLIZE": "none", **changes})


def both_ways(name, *arguments, judge=True, **changes):
    """Runs the host bare and under podo; returns podo's log and the folder of its profiles."""
    bare = tap.run([HOST, *arguments], 30, env=tap.clean_environment())
    folder = tap.temp_dir()
    under = tap.run([HOST, *arguments], 30, env=environment(folder, **changes))
    log = [l for l in under.stderr.splitlines() if l.startswith("podo: ")]
    tap.check(f"{name}: ends as without podo, with the same output",
              (under.returncode, under.stdout, profiled.without_log(under.stderr)) ==
              (42, bare.stdout, bare.stderr) and bare.returncode == 42, f"{bare}{under}")
    if judge:
        found = profiled.read(folder, under.stderr)
        tap.check(f"{name}: every tick is accounted for", found.accounts(), under.stderr)
    return log, folder, under


def sink_lines(log):
    """The lines that tell of a sink's trouble; that it works again is told besides."""
    return [l for l in log if "podo: sink " in l and " works again after " not in l]


def close_all():
    log, folder, under = both_ways("closes all descriptors above stderr", "close-all", "300")
    tap.check("closes all descriptors: none of its own is written to or closed by podo",
              "touched 0 first 3" in under.stdout, under)
    windows = [n for n in os.listdir(folder) if n.endswith(".pb.gz")]
    tap.check("closes all descriptors: it is profiled on", len(windows) >= 4 and
              os.path.exists(folder + "/run.folded") and not sink_lines(log), (windows, log))


def block_sigprof():
    # A window must close while both threads still live, also where each has a core of its own.
    log, _, _ = both_ways("blocks SIGPROF in all threads", "block-sigprof", "1400",
                          PODO_INTERVAL="1s")
    named = [l for l in log if "blocks SIGPROF" in l]
    tap.check("blocks SIGPROF: each thread is named in one line, which says that nothing is sampled",
              len(named) == 2 and all("bad_input_host" in l and "not sampled" in l for l in named), log)


def own_handler():
    log, _, under = both_ways("takes SIGPROF and its timer later", "own-handler", "300")
    tap.check("takes SIGPROF: what it finds, sets and gets is its own",
              "before default 1, mine after 1, ticks enough 1" in under.stdout, under)
    tap.check("takes SIGPROF: one line says that podo is off",
              len([l for l in log if "was taken by the program" in l]) == 1, log)


def few_files():
    for limit in (3, 4, 6):
        log, _, _ = both_ways(f"RLIMIT_NOFILE={limit}", "few-files", str(limit), judge=limit > 3)
        # podo's own threads take what descriptors there are in turn: a sink may fail at either of two
        # calls, and work again.
        trouble = sink_lines(log)
        tap.check(f"RLIMIT_NOFILE={limit}: one line for each sink and cause, or one that podo cannot start",
                  len(set(trouble)) == len(trouble) <= 4 and
                  all(l.endswith(": Too many open files") for l in trouble) and
                  len([l for l in log if "not profiling" in l]) == (limit == 3), log)


def small_files():
    for limit in (0, 100):
        log, folder, _ = both_ways(f"RLIMIT_FSIZE={limit}", "small-files", str(limit))
        tap.check(f"RLIMIT_FSIZE={limit}: SIGXFSZ does not reach the program; one line for each sink",
                  len(sink_lines(log)) == 2 and all("File too large" in l for l in sink_lines(log)), log)
        tap.check(f"RLIMIT_FSIZE={limit}: no half-written file is left", not os.listdir(folder),
                  os.listdir(folder))


def little_space():
    """RLIMIT_AS set to what is in use and so much more: podo starts or says why not."""
    started = refused = 0
    for mib in (0, 4, 12, 25, 50, 94, 110, 130, 170, 240, 400):
        folder = tap.temp_dir()
        result = tap.run([HOST, "little-space", str(mib * 1024)], 30, env=environment(folder))
        log = [l for l in result.stderr.splitlines() if l.startswith("podo: ")]
        started += any("profiling bad_input" in l or "podo: profiling " in l for l in log)
        refused += any("not profiling: " in l for l in log)
        tap.check(f"{mib} MiB of address space left: the program ends as it would",
                  (result.returncode, result.stdout) == (42, "little-space done\n") and
                  profiled.without_log(result.stderr) == "", result)
        if any("podo: ticks=" in l for l in log):
            tap.check(f"{mib} MiB: every tick is accounted for",
                      profiled.read(folder, result.stderr).accounts(), result)
    tap.check(f"some of these are refused cleanly ({refused}) and some are profiled ({started})",
              refused >= 5 and started >= 2)


def space_gone():
    """Nothing is left from one moment on, before and after the first tables and names."""
    for ms in (40, 60, 150, 300):
        both_ways(f"no address space left after {ms} ms", "space-gone", str(ms), judge=False,
                  PODO_SYMBOLIZE="full")
    # Allocations fail too: what podo has is not enough for it, what the host has is for the host.
    # Not while podo starts (30 to 60 ms): docs/configuration.md names that gap.
    for ms in (150, 300):
        child = tap.start([HOST, "work", "500"], env=environment(tap.temp_dir(), PODO_SYMBOLIZE="full"),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(ms / 1000)
        resource.prlimit(child.pid, resource.RLIMIT_DATA, (0, 0))
        out, err = child.communicate(timeout=30)
        tap.check(f"no memory left after {ms} ms: the program ends as it would",
                  (child.returncode, out) == (42, "work done\n"), err)


def limited_at_exec():
    """The limit stands before the loader runs: the stub itself has little to live on."""
    for mib in (4, 8, 20, 80, 120, 160):
        def limit(bytes_=mib << 20):
            resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))
        bare = tap.run([HOST, "work", "150"], 30, env=tap.clean_environment(), preexec_fn=limit)
        under = tap.run([HOST, "work", "150"], 30, env=environment(tap.temp_dir()), preexec_fn=limit)
        tap.check(f"RLIMIT_AS={mib} MiB from the start: status and output are those without podo",
                  (under.returncode, under.stdout) == (bare.returncode, bare.stdout), f"{bare}{under}")


def own_files(name, scenario, redirect):
    """Numbers 0 to 2 are files of the host's own: what it wrote is what is in them."""
    folder = tap.temp_dir()
    paths = [f"{folder}/own.{i}" for i in range(3)]
    for path in paths:
        with open(path, "w", encoding="ascii"):
            pass
    report = folder + "/report"
    profiles = tap.temp_dir()
    env = environment(profiles, TEST_REPORT=report, PODO_LOG="info", PODO_BAD_NAME="1")
    script = f'exec "$@" {redirect}'
    result = tap.run(["sh", "-c", script, "sh", HOST, scenario, "1", folder + "/own"], 30, env=env)
    texts = [open(p, encoding="ascii").read() for p in paths]
    said = open(report, encoding="ascii").read()
    tap.check(f"{name}: the program ends as it would", result.returncode == 42 and
              said.endswith(f"{scenario} done\n"), (result, said))
    tap.check_equal(f"{name}: its files got the numbers of the standard streams",
                    said.splitlines()[0], "numbers 0 1 2")
    tap.check_equal(f"{name}: there is nothing in them but its own", texts, ["mine\n"] * 3)
    tap.check(f"{name}: it is profiled all the same",
              os.path.exists(profiles + "/run.folded") and os.path.getsize(profiles + "/run.folded"),
              os.listdir(profiles))
    return result


def own_pair(name, scenario):
    report = tap.temp_dir() + "/report"
    env = environment(tap.temp_dir(), TEST_REPORT=report, PODO_BAD_NAME="1")
    result = tap.run(["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", HOST, scenario, "1"], 30, env=env)
    with open(report, encoding="ascii") as f:
        said = f.read()
    tap.check(f"{name}: nothing is written into it", result.returncode == 42 and
              said == f"numbers 0 1 2, empty 1\n{scenario} done\n", (result.returncode, said))


def standard_streams():
    own_pair("a pipe of its own at 1 and 2", "own-pipe")
    own_pair("eventfds of its own at 1 and 2", "own-events")
    own_files("started without standard streams", "own-files", "0<&- 1>&- 2>&-")
    late = own_files("closes its standard streams and opens files", "own-files-late", "")
    tap.check("closes its standard streams: until then podo logs", "PODO_BAD_NAME" in late.stderr, late)


def stderr_that_bites():
    """The linked library logs on the program's own thread, here to a stderr where writing kills or
    waits forever."""
    env = tap.clean_environment(PODO_BAD_NAME="1", PODO_LOG="info", PODO_EXPORT="rubbish")
    quiet = tap.run([LINKED], 30, env=dict(env, PODO_LOG="off"))
    expected = quiet.stdout.split(" taken=")[0]

    def check(name, **options):
        result = tap.run([LINKED], 30, env=env, **options)
        tap.check(f"stderr is {name}: the program goes on and ends with its status",
                  not result.timed_out and result.returncode == 42
                  and result.stdout.split(" taken=")[0] == expected, result)

    reader, writer = os.pipe()
    os.close(reader)
    check("a pipe without reader (SIGPIPE)", stderr=writer)
    os.close(writer)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    check("a full pipe that nobody reads", stderr=writer)
    os.close(reader)
    os.close(writer)
    with open(os.path.join(tap.temp_dir(), "log"), "wb") as log:
        check("a file at its size limit (SIGXFSZ)", stderr=log, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (0, 0)))
    with open("/dev/full", "wb") as full:
        check("a full device", stderr=full)


def main():
    close_all()
    block_sigprof()
    own_handler()
    few_files()
    small_files()
    little_space()
    space_gone()
    limited_at_exec()
    standard_streams()
    stderr_that_bites()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
