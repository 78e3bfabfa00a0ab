#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""The network module as libpodo loads it: found beside podo, its symbols its own, its descriptors
nobody else's."""

import json
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import elf  # noqa: E402
import receiver  # noqa: E402
import tap  # noqa: E402
import test_http  # noqa: E402
from receiver import Authority, Receiver, Stub, server_context  # noqa: E402

BUILT = os.path.join(tap.build_dir(), "tests", "export")
LIB = os.path.join(tap.build_dir(), "lib")
MODULE = os.path.join(LIB, "libpodo_net.so")
TEMP = os.path.realpath(tap.temp_dir())
PROGRAM = "podo_net_case"


def folder_with(module, program=PROGRAM):
    """The program in a folder of its own, with a module beside it; the program's path."""
    folder = os.path.realpath(tap.temp_dir())
    shutil.copy(os.path.join(BUILT, program), folder)
    if module:
        os.symlink(module, os.path.join(folder, "libpodo_net.so"))
    return os.path.join(folder, program)


def run(program, url, env=None, cwd=None, **settings):
    """(lines of JSON, result)"""
    argv = [program, url, *(f"{k}={v}" for k, v in settings.items())]
    result = tap.run(argv, 60, env=env or tap.clean_environment(), cwd=cwd)
    return [json.loads(l) for l in result.stdout.splitlines() if l.startswith("{")], result


def check_delivers(sentence, program, url, env=None, **settings):
    lines, result = run(program, url, env=env, **settings)
    return tap.check(sentence, result.returncode == 0 and lines[:1] and lines[0].get("status") == 200
                     and lines[0]["body"] == "ok" and "ended" in lines[-1], result)


def check_refused(sentence, program, *words, **settings):
    lines, result = run(program, "http://127.0.0.1:1/", **settings)
    said = lines[0].get("refused", "") if lines else ""
    tap.check(sentence, result.returncode == 3 and all(w in said for w in words) and "\n" not in said,
              f"{result}\nexpected {words}")


def check_search(url):
    here = folder_with(MODULE)
    check_delivers("the module beside podo is found", here, url)
    link = os.path.join(tap.temp_dir(), "a_link")
    os.symlink(here, link)
    check_delivers("it is found where a symbolic link to podo leads", link, url)
    relative, result = run("./" + os.path.basename(here), url, cwd=os.path.dirname(here))
    tap.check("it is found if podo was found by a relative path", relative[0].get("status") == 200, result)
    alone = folder_with(None)
    check_refused("without it the error says where it was looked for and what to do", alone,
                  "libpodo_net.so, which is not in " + os.path.dirname(alone), "install it", "libpodo_net.a")
    folder = os.path.dirname(here)
    env = tap.clean_environment(LD_LIBRARY_PATH=folder)
    check_refused("neither LD_LIBRARY_PATH nor the working directory counts", alone, "is not in",
                  env=env, cwd=folder)
    broken = os.path.join(TEMP, "broken.so")
    with open(broken, "wb") as f:
        f.write(b"no library")
    check_refused("a module that does not load is named with the loader's words", folder_with(broken),
                  "does not load", "libpodo_net.so", "file too short")


def compiled_module(name, text):
    source = os.path.join(TEMP, name + ".c")
    with open(source, "w", encoding="utf-8") as f:
        f.write(text)
    path = os.path.join(TEMP, name + ".so")
    made = tap.run(["gcc", "-shared", "-fPIC", "-I", os.path.join(tap.source_dir(), "lib"), source, "-o", path])
    return path if tap.check(f"a module that is {name} is built", made.returncode == 0, made) else None


def check_versions():
    api = ('#include "net/net_abi.h"\nstatic const podo_net_api api = {%s, "%s"};\n'
           "const podo_net_api* podo_net_module(void) { return &api; }\n")
    old = compiled_module("old", api % ("sizeof(podo_net_api)", "0.0.9"))
    check_refused("a module of another version is refused, with both versions", folder_with(old),
                  "version 0.0.9 and not 0.", "install both from one build")
    other = compiled_module("other", api % ("sizeof(podo_net_api) - 8", "0.1.0"))
    check_refused("so is one with another table", folder_with(other), "of another build")
    stranger = compiled_module("stranger", "int x;\n")
    check_refused("and a library that is something else", folder_with(stranger), "is not")


def check_descriptors(url, program, what):
    lines, result = run(program, url, fork="true", times=2)
    seen = {l["descriptors"]: l["list"] for l in lines if "descriptors" in l}
    parent, child, closed = (seen.get(k, []) for k in ("parent", "child", "closed"))
    kinds = ("anon_inode:[eventpoll]", "anon_inode:[eventfd]", "anon_inode:[timerfd]", "socket:")
    tap.check(f"{what}: a client has an epoll, an eventfd, a timerfd and sockets open",
              all(any(d.startswith(k) for d in parent) for k in kinds), result)

    def foreign(descriptors):  # the listing itself reads a directory
        return [d for d in descriptors if not d.startswith("/proc/")]
    tap.check_equal(f"{what}: a fork child sees none of them", foreign(child), [])
    tap.check_equal(f"{what}: nor does the process once the client is closed", foreign(closed), [])


def check_host_that_closes(url, program):
    lines, result = run(program, url, host="closes", times=4)
    answers = [l["status"] for l in lines if "status" in l]
    tap.check("where a host closes all descriptors before each exchange, podo opens new ones",
              answers == [200] * 4, result)
    host = next((l["host"] for l in lines if "host" in l), None)
    tap.check_equal("... and does not touch what the host has under the old numbers", host, "untouched")


def check_names(program):
    server = Receiver()
    check_delivers("a receiver with a name is found", program, f"http://localhost:{server.port}/")
    report = run(program, "http://nowhere.invalid:1/")[0][0]
    tap.check("a name that does not exist says so",
              report.get("status") == 0 and "resolving nowhere.invalid: " in report["error"], report)


def check_time(program):
    stub = Stub(lambda connection: receiver.time.sleep(30))
    for sentence, url, size in (("a receiver that hangs", f"http://127.0.0.1:{stub.port}/", 5),
                                ("a TLS handshake that hangs", f"https://127.0.0.1:{stub.port}/", 5),
                                ("a receiver that does not read", f"http://127.0.0.1:{stub.port}/", 64 << 20)):
        lines, result = run(program, url, timeout_ms=400, bytes=size, times=2)
        if "refused" in lines[0]:
            tap.skip(f"{sentence} is given up in time", "OpenSSL in this build")
            continue
        tap.check(f"{sentence} is given up in time, and again",
                  len(lines) == 3 and all(390 <= l["ms"] < 3000 and "no end within 400 ms" in l["error"]
                                          for l in lines[:2]), result)


def check_interrupt(program, url):
    stub = Stub(lambda connection: receiver.time.sleep(30))
    lines, result = run(program, f"http://127.0.0.1:{stub.port}/", interrupt_ms=300, timeout_ms=20000, times=2)
    tap.check("an exchange that is interrupted ends at once, and the next one can be made",
              len(lines) == 3 and all(l["status"] == 0 and "interrupted" in l["error"] and 290 <= l["ms"] < 5000
                                      for l in lines[:2]), result)
    lines, result = run(program, url, interrupt_ms=300, times=2)
    tap.check("an interrupt between two exchanges is none of the next",
              [l.get("status") for l in lines[:2]] == [200, 200], result)


def check_tls(program):
    ca = Authority(TEMP)
    server = Receiver(tls=server_context(*ca.issue("localhost", "DNS:localhost,IP:127.0.0.1")))
    url = f"https://localhost:{server.port}/"
    check_delivers("https is delivered", program, url, ca=ca.path, times=3)
    report = run(program, url)[0][0]
    tap.check("an unknown authority is refused: which certificate and why", report["status"] == 0
              and "certificate CN=localhost" in report["error"]
              and "unable to get local issuer certificate" in report["error"], report)
    for what, path in (("loaded", program), ("linked in", folder_with(None, "podo_net_case_static"))):
        lines, result = run(path, url, ca=ca.path, exit="posts")
        tap.check(f"{what}: at exit, when static destructors have run, a first https connection can be made",
                  result.returncode == 0 and lines[:1] and lines[0].get("status") == 200, result)
    own = folder_with(MODULE, "podo_net_case_own_tls")
    exported = elf.exported(own)
    tap.check("a host exports a TLS library and an operator new of its own",
              {"SSL_new", "OPENSSL_init_ssl", "_Znwm", "_ZdlPv"} <= exported, sorted(exported)[:20])
    check_delivers("... and neither meets podo's", own, url, ca=ca.path, times=3)
    report = run(own, url)[0][0]
    tap.check("... nor where a certificate is refused", report.get("status") == 0
              and "unable to get local issuer certificate" in report["error"], report)
    preload = tap.run(["gcc", "-print-file-name=libasan.so"]).stdout.strip()
    if not os.path.isabs(preload):
        tap.skip("https is delivered in a host under AddressSanitizer", "libasan")
        return
    check_delivers("https is delivered in a host under AddressSanitizer", program, url, ca=ca.path,
                   env=tap.clean_environment(LD_PRELOAD=preload, ASAN_OPTIONS="detect_leaks=0"))


def check_dependencies():
    """Another C++ library would come with RTLD_DEEPBIND, and with an allocator of its own choice."""
    def closure(path):
        listed = tap.run(["ldd", path]).stdout
        return set(re.findall(r"^\s*(lib\S+) =>", listed, re.MULTILINE))
    more = closure(MODULE) - closure(os.path.join(LIB, "libpodo.so"))
    tap.check("beside libpodo's own libraries the module brings OpenSSL and RE2 only",
              more <= {"libssl.so.3", "libcrypto.so.3", "libre2.so.9"}, more)
    lean = closure(os.path.join(LIB, "libpodo.so"))
    tap.check("libpodo.so itself needs no OpenSSL", not any(n.startswith(("libssl", "libcrypto"))
                                                           for n in elf.dynamic(os.path.join(LIB, "libpodo.so"))["NEEDED"]), lean)


def check_linked_in(url):
    program = folder_with(None, "podo_net_case_static")
    check_delivers("with libpodo_net.a linked in no module is needed", program, url)
    check_descriptors(url, program, "linked in")


def main():
    server = Receiver()
    url = f"http://127.0.0.1:{server.port}/v1development/profiles"
    program = folder_with(MODULE)
    check_search(url)
    check_versions()
    check_dependencies()
    test_http.POST = program
    test_http.check_answers()
    test_http.check_hostile()
    test_http.check_kept_connection()
    check_names(program)
    check_time(program)
    check_interrupt(program, url)
    check_descriptors(url, program, "loaded")
    check_host_that_closes(url, program)
    check_linked_in(url)
    if "without TLS" in str(run(program, "https://127.0.0.1:1/")[0]):
        tap.skip("TLS through the module", "OpenSSL in this build, meson option tls")
    elif not shutil.which("openssl"):
        tap.skip("TLS through the module", "openssl")
    else:
        check_tls(program)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
