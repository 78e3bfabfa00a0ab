#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 120
"""Variables that hold rubbish: one line for each, and the program ends as without podo."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.environ["PODO_SOURCE"], "tests", "harness"))
import tap  # noqa: E402

HOST = os.path.join(tap.build_dir(), "tests", "programs", "bad_input_host")
LINKED = os.path.join(tap.build_dir(), "tests", "programs", "bad_input_linked")
WORK = [HOST, "work", "80"]
ANY_TEXT = {"PODO_SERVICE_NAME", "OTEL_SERVICE_NAME"}  # names are made valid, never refused
ENDPOINTS = {"OTEL_EXPORTER_OTLP_PROFILES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}
TENANT = re.compile(rb"[A-Za-z0-9!_.*'()-]{1,150}")  # of any meaning
EXPORTER = "OTEL_EXPORTER_OTLP_"  # read only where a sink uses them
SECRET = re.compile(r"podo: PODO_(HEADERS|TENANT|CERTIFICATE|CLIENT_\w+|LISTEN_TOKEN_FILE)")
KINDS = {
    "empty": b"", "blank": b" \t ", "text": b"rubbish", "negative": b"-1",
    "huge": b"9" * 40, "not a number": b"nan", "binary": b"\x01\x1b[31m\x7f\x02",
    "invalid UTF-8": b"\xff\xfe\xc3(\xed\xa0\x80", "quotes and newlines": b"a\"b\nc\r'd%s%n",
    "30 KiB long": b"x" * 30720,
}


def variables():
    """Every variable podo reads, from the tables in its source: a new one is tested as well."""
    names = set()
    for file, pattern in (("config_variables.cc", r'\{"(PODO_\w+)"'), ("config_environment.cc", r'"(OTEL_\w+)"')):
        with open(os.path.join(tap.source_dir(), "lib", file), encoding="utf-8") as f:
            names |= set(re.findall(pattern, f.read()))
    return sorted(names)


def run(argv, settings):
    env = {os.fsencode(k): os.fsencode(v) for k, v in base_environment().items()}
    env.update({os.fsencode(k): v if isinstance(v, bytes) else v.encode() for k, v in settings.items()})
    return tap.run(argv, 30, text=False, env=env)


def base_environment():
    return tap.clean_environment(LD_PRELOAD=os.path.join(tap.build_dir(), "lib", "libpodo_preload.so"))


def log_of(result):
    """podo's lines, and whatever else is on stderr. Raises where a line is not clean text."""
    lines = result.stderr.decode("utf-8").splitlines()
    return ([l for l in lines if l.startswith("podo: ")], [l for l in lines if not l.startswith("podo: ")])


def names_in(lines):
    return sorted(re.match(r"podo: (\w+)", line).group(1) for line in lines)


def unclean(lines):
    return [l for l in lines if len(l.encode()) > 1024 or re.search(r"[\x00-\x1f\x7f]", l)]


def refusable(names, value):
    """Those of `names` that cannot take `value`, with a PODO_EXPORT that names no sink."""
    taken = ANY_TEXT | ({"PODO_TENANT"} if TENANT.fullmatch(value.strip()) else set())
    return [n for n in names if n not in taken and not n.startswith(EXPORTER)]


def all_at_once(names, bare):
    """One value in every variable; OpenTelemetry's exporter yields to PODO_EXPORT without a word."""
    for kind, value in KINDS.items():
        result = run(WORK, {name: value for name in names})
        tap.check(f"{kind} value in all {len(names)} variables: status and output are those without podo",
                  (result.returncode, result.stdout) == (bare.returncode, bare.stdout), result)
        log, rest = log_of(result)
        blank = not value.strip()
        expected = [] if blank else refusable(names, value)
        tap.check_equal(f"{kind}: one line for each bad value", names_in(log), expected)
        tap.check(f"{kind}: the lines are clean text of at most 1 KiB, and podo's own",
                  not unclean(log) and not rest, log[:5] + rest[:5])
        unsaid = [l for l in log if "accepted" not in l and "not available in this version" not in l]
        tap.check(f"{kind}: each says what is accepted, or that the variable belongs to a later version",
                  not unsaid, unsaid)
        shown = [l for l in log if l.count("x") > 300 or SECRET.match(l) and "rubbish" in l]
        tap.check(f"{kind}: values are cut, and not shown where they may be secret", not shown, shown)


def values_shown():
    """The line quotes what was found."""
    result = run(WORK, {"PODO_INTERVAL": b"10", "PODO_EXPORT": b"ftp://x/"})
    log, _ = log_of(result)
    tap.check("a line quotes the value, and the example it gives is one that works",
              len(log) == 2 and 'PODO_INTERVAL="10"' in log[1] and "10s" in log[1] and
              "ftp://x/" in log[0] and "file:///directory/" in log[0], log)
    for name in sorted(ENDPOINTS):
        log, _ = log_of(run(WORK, {name: b"rubbish"}))
        tap.check_equal(f"{name} alone is one line", names_in(log), [name])


def requests():
    """What goes with requests: headers, certificates, compression, time, the spool."""
    cases = {
        "PODO_HEADERS": (b"Host=hunter2", "headers that podo does not set itself"),
        "PODO_TENANT": (b"hunter2 and more", "1 to 150 letters"),
        "PODO_CERTIFICATE": (b"./hunter2.pem", "the absolute path of a PEM file"),
        "PODO_CLIENT_CERTIFICATE": (b"-----BEGIN CERTIFICATE-----\nhunter2", "path of a PEM file"),
        "PODO_CLIENT_KEY": (b"-----BEGIN PRIVATE KEY-----\nhunter2", "path of a PEM file"),
        "PODO_COMPRESSION": (b"brotli", "gzip, zstd or none"),
        "PODO_SPOOL_DIR": (b"var/spool", "the absolute path of a directory"),
        "PODO_SPOOL_BYTES": (b"1MB", "a size of at least 1MiB"),
        "PODO_LISTEN": (b"6060", "ADDRESS:PORT such as 127.0.0.1:6060"),
        "PODO_LISTEN_TOKEN_FILE": (b"var/token", "the absolute path of a file"),
        "PODO_HISTORY_BYTES": (b"16MB", "a size of at least 1MiB"),
        "PODO_HISTORY_DIR": (b"var/history", "the absolute path of a directory"),
    }
    result = run(WORK, {name: value for name, (value, _) in cases.items()})
    log, _ = log_of(result)
    said = {name for name, (_, accepted) in cases.items()
            if any(l.startswith("podo: " + name) and accepted in l for l in log)}
    tap.check_equal("what goes with requests is refused in one line each, which says what is accepted",
                    (sorted(said), len(log)), (sorted(cases), len(cases)))
    tap.check("what may be secret is not shown, what is not is", "hunter2" not in "".join(log)
              and all(any(v in l for l in log) for v in ("brotli", "var/spool", "1MB")), log)
    tap.check("and the program ends with its own status", result.returncode == 42, result)


def opentelemetry():
    """Variables of OpenTelemetry's exporter, which make a sink and say what goes with it."""
    url = "http://user:hunter2@127.0.0.1:1"
    for name in sorted(ENDPOINTS):
        log, _ = log_of(run(WORK, {name: b"127.0.0.1:4318"}))
        tap.check(f"{name} without its scheme: one line with an example",
                  len(log) == 1 and name in log[0] and "http://host:4318" in log[0], log)
    bad = {"HEADERS": "hunter2", "COMPRESSION": "brotli", "TIMEOUT": "10s", "PROTOCOL": "grpc",
           "CERTIFICATE": "-----BEGIN\nhunter2", "CLIENT_CERTIFICATE": "-----BEGIN\nhunter2",
           "CLIENT_KEY": "-----BEGIN\nhunter2"}
    settings = {EXPORTER + name: value for name, value in bad.items()}
    log, _ = log_of(run(WORK, settings))
    tap.check_equal("OpenTelemetry's variables without an endpoint are nobody's", log, [])
    log, _ = log_of(run(WORK, settings | {EXPORTER + "ENDPOINT": url, "PODO_EXPORT": "none"}))
    tap.check_equal("so they are with PODO_EXPORT=none", log, [])
    result = run(WORK, settings | {EXPORTER + "ENDPOINT": url, "PODO_EXIT_TIMEOUT": "200ms"})
    log, _ = log_of(result)
    refused = [l for l in log if "accepted: " in l]
    tap.check_equal("with an endpoint each bad one is one line", names_in(refused), sorted(settings))
    tap.check("no password, header or key is shown, and the program ends with its own status",
              "hunter2" not in "".join(log) and result.returncode == 42, result)
    log, _ = log_of(run(WORK, {EXPORTER + "ENDPOINT": "http://127.0.0.1:4317",
                               "PODO_EXIT_TIMEOUT": "200ms"}))
    tap.check("the port of gRPC is said to be that",
              len([l for l in log if "gRPC" in l and "4318" in l]) == 1, log)


def misspelt():
    cases = {"PODO_EXPROT": "PODO_EXPORT", "PODO_SAMPLEHZ": "PODO_SAMPLE_HZ",
             "PODO_INTERVALL": "PODO_INTERVAL", "PODO_MAXFRAMES": "PODO_MAX_FRAMES",
             "PODO_LOGS": "PODO_LOG", "PODO_": "PODO_LOG"}
    log, _ = log_of(run(WORK, {name: b"1" for name in cases}))
    found = dict(re.search(r"podo: (\w+) is not known .* nearest known name is (\w+)", l).groups()
                 for l in log if "not known" in l)
    tap.check_equal("a misspelt name is told the nearest known one", found, cases)
    many = {f"PODO_SERVICE_{i}_PORT": b"tcp://10.0.0.1:80" for i in range(200)}
    many[b"PODO_\xff\x01" + b"y" * 30000] = b"1"
    log, _ = log_of(run(WORK, many))
    tap.check("two hundred unknown names are nine lines",
              len(log) == 9 and "193 more" in log[-1] and not unclean(log), log)


def silenced(names, bare):
    settings = {name: b"rubbish" for name in names}
    settings["PODO_LOG"] = b"off"
    result = run(WORK, settings)
    tap.check("PODO_LOG=off silences all of it", result.stderr == b"" and result.stdout == bare.stdout,
              result)
    for value in (b"false", b"0", b"FALSE"):
        settings = {name: b"rubbish" for name in names}
        settings["PODO_ENABLED"] = value
        settings["PODO_LOG"] = b"info"
        result = run(WORK, settings)
        tap.check(f"with PODO_ENABLED={value.decode()} nothing else is read",
                  result.stderr == b"" and result.stdout == bare.stdout, result)


def a_megabyte(names):
    """More than exec lets through, so the program itself sets it."""
    result = tap.run([LINKED, str(1 << 20), *names], 60, env=tap.clean_environment())
    log = [l for l in result.stderr.splitlines() if l.startswith("podo: ")]
    expected = refusable(names, b"x" * (1 << 20))
    tap.check_equal(f"1 MiB in each of {len(names)} variables is one line each", names_in(log), expected)
    tap.check("and podo starts with its defaults",
              result.returncode == 42 and "start=0 " in result.stdout and "adds_up=1" in result.stdout
              and result.seconds < 10, result)


def main():
    names = variables()
    tap.check("the tables of variables were found in the source", len(names) >= 51, names)
    bare = tap.run(WORK, 30, text=False, env=tap.clean_environment())
    all_at_once(names, bare)
    values_shown()
    requests()
    opentelemetry()
    misspelt()
    silenced(names, bare)
    a_megabyte(names)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
