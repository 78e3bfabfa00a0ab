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
    for file, pattern in (("config_variables.cc", r'\{"(PODO_\w+)"'), ("config.cc", r'"(OTEL_\w+)"')):
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


def all_at_once(names, bare):
    """One value in every variable; the OTEL endpoints yield to PODO_EXPORT without a word."""
    for kind, value in KINDS.items():
        result = run(WORK, {name: value for name in names})
        tap.check(f"{kind} value in all {len(names)} variables: status and output are those without podo",
                  (result.returncode, result.stdout) == (bare.returncode, bare.stdout), result)
        log, rest = log_of(result)
        blank = not value.strip()
        expected = [] if blank else [n for n in names if n not in ANY_TEXT | ENDPOINTS]
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
    expected = [n for n in names if n not in ANY_TEXT | ENDPOINTS]
    tap.check_equal(f"1 MiB in each of {len(names)} variables is one line each", names_in(log), expected)
    tap.check("and podo starts with its defaults",
              result.returncode == 42 and "start=0 " in result.stdout and "adds_up=1" in result.stdout
              and result.seconds < 10, result)


def main():
    names = variables()
    tap.check("the tables of variables were found in the source", len(names) >= 36, names)
    bare = tap.run(WORK, 30, text=False, env=tap.clean_environment())
    all_at_once(names, bare)
    values_shown()
    misspelt()
    silenced(names, bare)
    a_megabyte(names)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
