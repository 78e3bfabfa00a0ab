#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""podo-flame as a person or a script meets it: forms, errors, exit statuses."""

import gzip
import os
import pty
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import tap  # noqa: E402

WRITER = os.path.join(tap.build_dir(), "tests", "unit", "encode", "podo_write_known_profile")
PODO_FLAME = os.path.join(tap.build_dir(), "lib", "tools", "podo-flame")
TEMP = tap.temp_dir()


def flame(*arguments, **options):
    return tap.run([PODO_FLAME, *arguments], cwd=TEMP, env=tap.clean_environment(), **options)


def in_temp(name, content=None):
    path = os.path.join(TEMP, name)
    if content is not None:
        with open(path, "wb") as f:
            f.write(content)
    return path


def is_page(text):
    return text.lower().startswith("<!doctype html>") and text.rstrip().endswith("</html>")


def brief(result):
    """A page is too long to be shown where a check fails."""
    return str(result)[:500]


def check_forms():
    one = flame("before.pb.gz")
    tap.check("one profile gives a page", one.returncode == 0 and is_page(one.stdout), brief(one))
    tap.check("its heading names the file", "before.pb.gz" in one.stdout)
    two = flame("before.pb.gz", "after.pb.gz")
    tap.check("two profiles give another page", two.returncode == 0 and is_page(two.stdout)
              and two.stdout != one.stdout and "after.pb.gz" in two.stdout, brief(two))
    titled = flame("--title", "a <b> & c", "before.pb.gz")
    tap.check("a title cannot break out of the page", is_page(titled.stdout)
              and "a <b> & c" not in titled.stdout, brief(titled))
    written = flame("-o", "out.html", "before.pb.gz")
    with open(in_temp("out.html"), encoding="utf-8") as f:
        tap.check("-o writes the same page to a file and nothing to standard output",
                  f.read() == one.stdout and not written.stdout, brief(written))
    with open(in_temp("before.pb.gz"), "rb") as f:
        piped = flame("--top", "-", stdin=f.read(), text=False)
    tap.check_equal("- is standard input", piped.stdout.decode(),
                    flame("--top", "before.pb.gz").stdout)
    tap.check_equal("a bare profile reads like a gzipped one", flame("--top", "before.pb").stdout,
                    flame("--top", "before.pb.gz").stdout)
    tap.check("--version prints one line",
              re.fullmatch(r"podo-flame \d+\.\d+\.\d+\n", flame("--version").stdout))
    tap.check("--help goes to standard output and ends well",
              flame("--help").stdout.startswith("Usage: podo-flame")
              and flame("--help").returncode == 0)


def check_text():
    tap.check_equal("--folded prints stacks root first with their counts",
                    flame("--folded", "before.pb.gz").stdout,
                    "[threads blocking SIGPROF] 5\n"
                    "main;Serve;Serialize;Escape 10\n"
                    "main;Serve;Serialize;Serialize;Escape 5\n"
                    "main;Serve;libc.so.6+0x2500 80\n")
    folded = flame("--folded", "--type=cpu", "before.pb.gz").stdout
    tap.check("--type picks the sample type", "main;Serve;libc.so.6+0x2500 800000000\n" in folded, folded)
    top = flame("--top=2", "before.pb.gz").stdout.splitlines()
    tap.check("--top=2 prints two functions under its heading, the dearest first",
              len(top) == 4 and top[2].endswith("libc.so.6+0x2500 (/lib/libc.so.6)")
              and top[3].endswith("Escape (json.cc:15)"), top)
    changes = flame("--top", "before.pb.gz", "after.pb.gz")
    tap.check("--top of two names the guilty function, its line and its share before and after",
              "\nguilty: Escape (json.cc:15): 15.0% before, 85.0% after\n" in changes.stdout, changes)


def check_labels():
    tap.check_equal("--by-label puts label values before the stack, and says where there is none",
                    flame("--folded", "--by-label", "endpoint,body", "before.pb.gz").stdout,
                    "/pay;4096 bytes;main;Serve;Serialize;Escape 10\n"
                    "[no endpoint];[no body];[threads blocking SIGPROF] 5\n"
                    "[no endpoint];[no body];main;Serve;Serialize;Serialize;Escape 5\n"
                    "[no endpoint];[no body];main;Serve;libc.so.6+0x2500 80\n")
    tap.check_equal("--label leaves the samples with that label",
                    flame("--folded", "--label", "endpoint=/pay", "before.pb.gz").stdout,
                    "main;Serve;Serialize;Escape 10\n")
    trace = "trace_id=ab010200000000000000000000000000"
    tap.check_equal("--label takes a trace id",
                    flame("--folded", "--label", trace, "before.pb.gz").stdout,
                    "main;Serve;Serialize;Serialize;Escape 5\n")
    none = flame("--folded", "--label", trace, "--label=endpoint=/pay", "before.pb.gz")
    tap.check("labels of two keys must both hold", none.returncode == 0 and none.stdout == "", none)
    top = flame("--top", "--label", "endpoint=/pay", "before.pb.gz").stdout.splitlines()
    tap.check("--top --label takes shares of what is left", top[0] == "cpu: 100.00 ms"
              and " 100.0% " in top[2] and "Escape" in top[2], top)
    page = flame("--label", "endpoint=/pay", "before.pb.gz")
    tap.check("a page of one label holds nothing of the others", is_page(page.stdout)
              and "Escape" in page.stdout and "threads blocking" not in page.stdout, brief(page))
    labels = flame("--labels", "before.pb.gz").stdout
    tap.check("--labels prints what each value cost, and counts traces and spans only",
              "\nendpoint: 1 value\n   900.00 ms   90.0%  (no label)\n   100.00 ms   10.0%  /pay\n" in labels
              and labels.endswith("\ntrace_id: 1 value\n"), labels)
    changes = flame("--labels", "before.pb.gz", "after.pb.gz").stdout
    tap.check("--labels of two prints shares before, after and the change",
              "   10.0%    60.0%   +50.0%  /pay\n" in changes, changes)


def check_errors():
    in_temp("empty", b"")
    in_temp("text", b"hello\n")
    in_temp("cut.pb.gz", open(in_temp("before.pb.gz"), "rb").read()[:-9])
    in_temp("bomb.pb.gz", gzip.compress(bytes(200 << 20)))
    for arguments, error in (
            (("missing",), "missing: No such file or directory"),
            (("/",), "/: Is a directory"),
            (("empty",), "empty: empty; accepted: profile.proto, bare, gzip or zstd"),
            (("text",), "text: not a pprof profile: "),
            (("cut.pb.gz",), "cut.pb.gz: gzip data is cut short"),
            (("bomb.pb.gz",), "bomb.pb.gz: gzip data unpacks to more than the 134217728 bytes"),
            (("before.pb.gz", "text"), "text: not a pprof profile: "),
            (("--type", "heap", "before.pb.gz"),
             'before.pb.gz: no sample type "heap"; accepted: samples, cpu'),
            (("--folded", "--by-label", "endpont", "before.pb.gz"),
             'no label "endpont"; accepted: body, endpoint, span_id, trace_id'),
            (("--top", "--label", "tenant=acme", "before.pb.gz"), 'no label "tenant"; accepted: body, '),
            (("--label", "endpoint=pay", "before.pb.gz"), "no sample has endpoint=pay; accepted: /pay"),
            (("-o", "no/such/dir/x.html", "before.pb.gz"),
             "no/such/dir/x.html: No such file or directory")):
        result = flame(*arguments)
        tap.check(f"`podo-flame {' '.join(arguments)}` says what is wrong in one line and fails",
                  result.returncode == 1 and result.stderr.startswith("podo-flame: " + error)
                  and result.stderr.count("\n") == 1 and not result.stdout, result)
    for arguments, error in (
            ((), "no profile given"),
            (("a", "b", "c"), "3 files; accepted: one or two"),
            (("--frob", "a"), "unknown or incomplete option --frob"),
            (("a", "-o"), "unknown or incomplete option -o"),
            (("--top=0", "a"), "--top=0: accepted: a number from 1"),
            (("--labels=x", "a"), "--labels=x: accepted: a number from 1"),
            (("--label", "endpoint", "a"), "--label endpoint: accepted: KEY=VALUE"),
            (("--by-label", "a,", "--folded", "a"), "--by-label a,: accepted: KEY[,KEY...]"),
            (("--by-label", "endpoint", "a"), "--by-label; accepted: with --folded"),
            (("--merge", "--label", "a=b", "a"), "--label with --merge; accepted: with a page or a text"),
            (("--folded", "a", "b"), "--folded of two files; accepted: one"),
            (("-", "-"), "standard input given twice")):
        result = flame(*arguments)
        tap.check(f"`podo-flame {' '.join(arguments)}` is wrong usage, exit status 2",
                  result.returncode == 2 and result.stderr.startswith("podo-flame: " + error)
                  and result.stderr.endswith("; see podo-flame --help\n"), result)
    with open("/dev/full", "wb") as full:
        result = flame("before.pb.gz", stdout=full)
    tap.check("a full disk under standard output is an error",
              result.returncode == 1
              and result.stderr == "podo-flame: standard output: No space left on device\n", result)


def check_terminal():
    ours, theirs = pty.openpty()
    result = flame("before.pb.gz", stdout=theirs)
    tap.check("a page is not spilled over a terminal",
              result.returncode == 2 and "redirect it (> flame.html) or use -o" in result.stderr, result)
    os.close(ours)
    os.close(theirs)


def main():
    for which, name, how in (("before", "before.pb.gz", ()), ("after", "after.pb.gz", ()),
                             ("before", "before.pb", ("raw",))):
        result = tap.run([WRITER, which, in_temp(name), *how])
        tap.check(f"{name} is written", result.returncode == 0, result)
    check_forms()
    check_text()
    check_labels()
    check_errors()
    check_terminal()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
