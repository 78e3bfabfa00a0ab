#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 300
"""podo-doctor as a person meets it: what it finds where something is wrong, and what it touches."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing

sys.path.insert(0, os.path.join(os.environ["PODO_SOURCE"], "tests", "harness"))
sys.path.insert(0, os.path.join(os.environ["PODO_SOURCE"], "tests", "export"))
import tap  # noqa: E402
from receiver import Receiver  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DOCTOR = os.path.join(tap.build_dir(), "lib", "tools", "podo-doctor")
LINKED = os.path.join(tap.build_dir(), "tests", "programs", "bad_input_linked")
WITHOUT_TABLES = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-exceptions",
                  "-fomit-frame-pointer"]


def doctor(*arguments, deadline=60, **variables):
    return tap.run([DOCTOR, *arguments], deadline, env=tap.clean_environment(**variables))


def findings(report):
    """[(mark, text, advice)]."""
    found = []
    for line in report.splitlines():
        match = re.match(r"  (ok|note|problem) +(.*)", line)
        if match:
            found.append([match[1], match[2], ""])
        elif found and line.startswith(" " * 11):
            found[-1][2] += line.strip() + " "
    return found


def marked(result, mark, text):
    return [f for f in findings(result.stdout) if f[0] == mark and text in f[1]]


def build(name, *flags):
    path = os.path.join(tap.temp_dir(), name)
    made = tap.run(["gcc", "-D_GNU_SOURCE", "-O1", *flags, os.path.join(HERE, "bad_input_host.c"), "-o",
                    path, "-pthread"], 60)
    tap.check(f"{name} builds", made.returncode == 0, made)
    return path


def usage():
    shown = doctor("--help")
    tap.check("--help prints the usage", shown.returncode == 0 and shown.stdout.startswith("Usage: podo-doctor"),
              shown)
    for words in (["--what"], ["prog"], ["--"], ["-o"]):
        wrong = doctor(*words)
        tap.check(f"`podo-doctor {' '.join(words)}` is wrong usage: one line, exit status 2",
                  wrong.returncode == 2 and wrong.stdout == "" and wrong.stderr.count("\n") == 1, wrong)


def configuration():
    fine = doctor()
    tap.check("where nothing is set there is no problem, and it exits with 0",
              fine.returncode == 0 and not marked(fine, "problem", "") and marked(fine, "note", "go nowhere")
              and fine.stdout.rstrip().splitlines()[-1].startswith("0 problems, "), fine)
    bad = doctor(PODO_INTERVAL="10", PODO_HEADERS="Authorization=SESAME", OTEL_SERVICE_NAME="cart")
    line = ('PODO_INTERVAL="10" is not accepted; accepted: a duration from 100ms to 1h, such as 10s; '
            "treated as unset")
    tap.check("a bad value is a problem in podo's own words, with advice, and it exits with 1",
              bad.returncode == 1 and [f for f in marked(bad, "problem", line) if f[2]], bad)
    tap.check("each value has its source",
              re.search(r"PODO_SERVICE_NAME +OTEL_SERVICE_NAME +cart\n", bad.stdout)
              and re.search(r"PODO_INTERVAL +default +10s\n", bad.stdout), bad)
    tap.check("a secret is set and not shown", "SESAME" not in str(bad)
              and re.search(r"PODO_HEADERS +environment +set", bad.stdout), bad)
    log = tap.run([LINKED], env=tap.clean_environment(PODO_INTERVAL="10"))
    tap.check("podo says the same line in its log", f"podo: {line}\n" in log.stderr, log)


def machine():
    blocked = tap.run([sys.executable, "-c", "import os, signal, sys\n"
                       "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPROF])\n"
                       "os.execv(sys.argv[1], sys.argv[1:])", DOCTOR], env=tap.clean_environment())
    tap.check("an inherited block of SIGPROF is a problem", marked(blocked, "problem", "SIGPROF is blocked"),
              blocked)
    few = tap.run(["sh", "-c", f"ulimit -n 7 && exec {DOCTOR}"], env=tap.clean_environment())
    tap.check("few descriptors are a problem", marked(few, "problem", "RLIMIT_NOFILE: 7"), few)
    tight = doctor(PODO_SAMPLE_HZ="10000")
    tap.check("a rate above the kernel's tick is a note", marked(tight, "note", "kernel tick: "), tight)


def places():
    folder = tap.temp_dir()
    os.mkdir(folder + "/open")
    os.chmod(folder + "/open", 0o777)
    result = doctor(PODO_EXPORT=f"file://{folder}/a/b/,file://{folder}/new/,file://{folder}/x.html",
                    PODO_SPOOL_DIR=folder + "/open", PODO_HISTORY_DIR=folder + "/history")
    tap.check("a directory whose parent is missing is a problem",
              marked(result, "problem", f"sink file://{folder}/a/b/: "), result)
    tap.check("a spool that others may write to is a problem", marked(result, "problem", "PODO_SPOOL_DIR"), result)
    for name in ("sink file://%s/new/", "sink file://%s/x.html", "PODO_HISTORY_DIR %s/history"):
        tap.check(f"{name % ''} can be written", marked(result, "ok", name % folder), result)
    tap.check("trying them out leaves nothing behind", sorted(os.listdir(folder)) == ["open"]
              and not os.listdir(folder + "/open"), os.listdir(folder))


def sinks():
    closed = tap.free_port()
    silent = socket.create_server(("127.0.0.1", 0))
    with closing(Receiver()) as honest, closing(Receiver(lambda path: (404, {}, b"no such page"))) as lost, \
            closing(Receiver(lambda path: (401, {}, b"who are you"))) as guarded:
        urls = (f"otlp+http://127.0.0.1:{honest.port},pyroscope+http://127.0.0.1:{honest.port}/p,"
                f"otlp+http://127.0.0.1:{lost.port},otlp+http://127.0.0.1:{guarded.port},"
                f"otlp+http://127.0.0.1:{closed},pprof+http://127.0.0.1:{silent.getsockname()[1]}/x")
        result = doctor(PODO_EXPORT=urls, PODO_HEADERS="X-Token=SESAME")
        got = honest.requests
    tap.check("receivers that answer are ok", len(marked(result, "ok", f":{honest.port}/")) == 2, result)
    tap.check("a Collector is asked with nothing to deliver, in podo's own format and compression",
              [r for r in got if r[0] == "/v1development/profiles" and r[1]["Content-Type"] ==
               "application/x-protobuf" and r[1]["Content-Encoding"] == "gzip" and r[1]["X-Token"] == "SESAME"],
              got)
    tap.check("Pyroscope is asked by its own path",
              [r for r in got if r[0] == "/p/push.v1.PusherService/Push" and r[2] == b""], got)
    tap.check("a path that is not there is a problem with the receiver's words",
              [f for f in marked(result, "problem", f":{lost.port}/") if "404" in f[1] and "no such page" in f[1]
               and "profilesSupport" in f[2]], result)
    tap.check("a secret that is not taken is a problem that does not show it",
              marked(result, "problem", f":{guarded.port}/") and "SESAME" not in str(result), result)
    tap.check("a closed port is a problem: nobody listens there",
              [f for f in marked(result, "problem", f":{closed}/") if "refused" in f[1] and "Nobody listens" in f[2]],
              result)
    tap.check("a receiver that says nothing is a problem, after 5 s",
              [f for f in marked(result, "problem", "pprof+http") if "no end within 5000 ms" in f[1]], result)


def listener():
    free = tap.free_port()
    path = os.path.join(tap.temp_dir(), "socket")
    for address in (f"127.0.0.1:{free}", f"unix:{path}"):
        result = doctor(PODO_LISTEN=address)
        tap.check(f"an address that is free is ok ({address.split(':')[0]})",
                  marked(result, "ok", f"PODO_LISTEN: {address} is free"), result)
    tap.check("trying it out leaves no socket behind", not os.path.exists(path))
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = doctor(PODO_LISTEN=f"127.0.0.1:{other.getsockname()[1]}")
    tap.check("one that is taken is a note: it may be the service", marked(taken, "note", "127.0.0.1"), taken)
    open_to_all = doctor(PODO_LISTEN=f"0.0.0.0:{free}")
    tap.check("one that others can reach is a problem without a token",
              marked(open_to_all, "problem", "PODO_LISTEN_TOKEN_FILE must name"), open_to_all)


def run_dark():
    dark = build("dark", *WITHOUT_TABLES)
    folder = tap.temp_dir()
    result = doctor("--", dark, "work", "700", PODO_SAMPLE_HZ="250", TMPDIR=folder,
                    PODO_SPOOL_DIR=folder + "/spool", PODO_EXPORT=f"file://{folder}/mine/",
                    PODO_MAX_FRAMES="3")
    tap.check("the program's exit status is passed on, and its output comes first",
              result.returncode == 42 and result.stdout.startswith("work done\nConfiguration\n"), result)
    tap.check("ticks, what became of them and the ratio are told",
              re.search(r"ticks +[1-9]\d*, of them taken [1-9]", result.stdout)
              and re.search(r"dropped +ring full 0, ", result.stdout)
              and re.search(r"sampling_ratio +\d\.\d{3}\n", result.stdout), result)
    tap.check("what podo says of its settings is told once", result.stdout.count("PODO_MAX_FRAMES=") == 1, result)
    tap.check("stacks that end early are told by function, module and cause",
              re.search(r"\d+\.\d %  Mix +dark +no unwind rows\n", result.stdout), result)
    tap.check("they are a problem, with the flag that cures it",
              [f for f in marked(result, "problem", "of all stacks end in dark: no unwind information")
               if "-fasynchronous-unwind-tables" in f[2]], result)
    tap.check("so is the module, by its share of code with rows",
              marked(result, "problem", f"{dark}: "), result)
    tap.check("the user's own sinks get nothing, and no temporary file stays", os.listdir(folder) == [],
              os.listdir(folder))


def run_healthy():
    healthy = build("healthy", "-g")
    result = doctor("--", healthy, "work", "700", PODO_SAMPLE_HZ="250")
    tap.check("a program with tables and names: its stacks reach the root",
              marked(result, "ok", "reach their root") or marked(result, "ok", "which is usual"), result)
    tap.check("nothing of it is a problem but what the machine has", not [
        f for f in marked(result, "problem", "") if "healthy" in f[1]], result)
    stripped = build("stripped", "-s")
    result = doctor("--modules", "--", stripped, "work", "700", PODO_SAMPLE_HZ="250")
    tap.check("of a stripped program the missing names are told, with the file that would have them",
              result.stdout.startswith("work done\nModules of ")
              and [f for f in marked(result, "note", "without symbols") if "stripped" in f[1]
                   and "/usr/lib/debug/.build-id/" in f[2].replace(" ", "")], result)


def run_others():
    absent = doctor("--", "/no/such/program")
    tap.check("a program that is not there is one line and exit status 1",
              absent.returncode == 1 and absent.stdout == "" and absent.stderr.count("\n") == 1, absent)
    short = doctor("--", "true")
    tap.check("a program that ends at once is told to be too short", short.returncode == 0 and
              (marked(short, "note", "podo did not start") or marked(short, "note", "too few to judge")), short)
    off = doctor("--", "true", PODO_ENABLED="false")
    tap.check("podo switched off is the problem, and the only explanation", off.returncode == 1
              and marked(off, "problem", "switched off, so it was not profiled"), off)
    echo = doctor("--", "sh", "-c", "exit 3")
    # podo's last line follows an unfinished one of the program, at exit.
    code = ("import sys; sys.stdout.write(sys.stdin.read()); sys.stderr.write('to-err\\nunfinished');"
            "sum(range(10000000)); sys.exit(3)")
    with_input = tap.run([DOCTOR, "-o", "/dev/null", "--", sys.executable, "-c", code], stdin="to-out",
                         env=tap.clean_environment())
    tap.check("the program has its standard input, output and error, without podo's lines",
              (with_input.returncode, with_input.stdout, with_input.stderr) == (3, "to-out", "to-err\nunfinished"),
              with_input)
    tap.check("an exit status of its own beats the findings'", echo.returncode == 3, echo)
    static = os.path.join(tap.temp_dir(), "static")
    made = tap.run(["gcc", "-static", "-x", "c", "-", "-o", static], stdin="int main(void) { return 0; }")
    if tap.check("a static program builds", made.returncode == 0, made):
        tap.check("a static program is told to be out of LD_PRELOAD's reach",
                  marked(doctor("--", static), "problem", "the program is static"))


def signals():
    script = "trap 'echo told; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    child = tap.start([DOCTOR, "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True,
                      env=tap.clean_environment())
    first = child.stdout.readline()
    os.kill(child.pid, signal.SIGTERM)
    rest = child.stdout.read()
    tap.check("a SIGTERM goes on to the program, and the report comes all the same",
              first == "ready\n" and rest.startswith("told\nConfiguration\n") and child.wait() == 7, rest)
    killed = doctor("--", "sh", "-c", "sleep 0.2; kill -KILL $$")
    tap.check("a program that is killed gives 128 and the signal's number, and the report says so",
              killed.returncode == 137 and marked(killed, "note", "killed by signal 9"), killed)


def modules():
    folder = tap.temp_dir()
    text, cut = folder + "/text", folder + "/cut"
    with open(text, "w", encoding="utf-8") as f:
        f.write("no ELF file, but long enough to be taken for the header of one at first glance\n")
    with open(DOCTOR, "rb") as whole, open(cut, "wb") as f:
        f.write(whole.read(20000))
    result = doctor("--modules", text, cut, "/no/such", "999999999", folder)
    tap.check("what cannot be read as a module is a problem each, in a sentence",
              result.returncode == 1 and len(marked(result, "problem", "")) == 5
              and marked(result, "problem", f"{text}: not an ELF file")
              and marked(result, "problem", f"{folder}: not a regular file"), result)
    itself = doctor("--modules")
    tap.check("without a name its own modules are shown", itself.returncode == 0
              and re.search(r"podo-doctor +[\d.]+[KM]iB +9\d\.\d %", itself.stdout), itself)
    own = doctor("--modules", str(os.getpid()))
    tap.check("a process that one may read is shown by its number",
              re.search(r"libc\.so\.6 +[\d.]+MiB +9\d\.\d %", own.stdout), own)


def main():
    usage()
    configuration()
    machine()
    places()
    sinks()
    listener()
    run_dark()
    run_healthy()
    run_others()
    signals()
    modules()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
