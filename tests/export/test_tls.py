#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# deadline: 240
"""The HTTP client and TLS: whom it trusts, what it shows, what it says; and proxies."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402
from receiver import Authority, Receiver, server_context  # noqa: E402
from test_http import POST, check_error, post  # noqa: E402

TEMP = tap.temp_dir()


def tls_receiver(certificate_and_key, client_authority=None):
    seen = []
    context = server_context(*certificate_and_key, client_authority)
    context.sni_callback = lambda _, name, __: seen.append(name)
    server = Receiver(tls=context)
    server.names = seen
    return server


def check_trust(ca, stranger):
    server = tls_receiver(ca.issue("receiver.test", "DNS:receiver.test,IP:127.0.0.1"))
    url = f"https://receiver.test:{server.port}/"
    reports = post(url, ca=ca.path, times=3)
    tap.check("a receiver of the given authority is trusted, its connection kept",
              [r["status"] for r in reports] == [200] * 3 and reports[-1]["connections"] == 1, reports)
    tap.check_equal("its name is sent along (SNI)", server.names, ["receiver.test"])
    by_address = post(f"https://127.0.0.1:{server.port}/", ca=ca.path)[0]
    tap.check("an address in the certificate is accepted, and no name sent along",
              by_address["status"] == 200 and server.names[1:] in ([], [None]),
              f"{by_address} {server.names}")
    check_error("an unknown authority is refused: which certificate and why", post(url)[0],
                "TLS handshake with receiver.test:", "certificate CN=receiver.test",
                "issued by CN=test authority ca", "unable to get local issuer certificate")
    check_error("another authority than the given one is refused", post(url, ca=stranger.path)[0],
                "CN=receiver.test", "unable to get local issuer certificate")
    check_error("a certificate for somebody else is refused, with whom it is for",
                post(f"https://localhost:{server.port}/", ca=ca.path)[0],
                "hostname mismatch", "it is for receiver.test, 127.0.0.1, not for localhost")
    old = tls_receiver(ca.issue("receiver.test", "DNS:receiver.test", "20210101000000Z"))
    check_error("an expired certificate is refused, with its end",
                post(f"https://receiver.test:{old.port}/", ca=ca.path)[0],
                "CN=receiver.test", "certificate has expired", "Jan 1 00:00:00 2021")
    partial = tls_receiver(ca.issue("x", "DNS:*.receiver.test"))
    report = post(f"https://a.receiver.test:{partial.port}/", ca=ca.path)[0]
    tap.check("a wildcard for a whole label is accepted", report["status"] == 200, report)
    plain = Receiver()
    check_error("a receiver without TLS is told from one with it",
                post(f"https://127.0.0.1:{plain.port}/", ca=ca.path)[0], "TLS handshake", "wrong version")
    tap.check("no receiver that was refused got a request", not old.requests and not plain.requests)


def check_client_certificate(ca, stranger):
    server = tls_receiver(ca.issue("receiver.test", "DNS:receiver.test"), ca.path)
    url = f"https://receiver.test:{server.port}/"
    certificate, key = ca.issue("service")
    report = post(url, ca=ca.path, certificate=certificate, key=key)[0]
    tap.check("a client certificate is shown where one is asked for", report["status"] == 200, report)
    check_error("without one, the receiver's refusal is in the error", post(url, ca=ca.path)[0],
                "certificate required")
    other, other_key = stranger.issue("service")
    check_error("with one it does not know, likewise",
                post(url, ca=ca.path, certificate=other, key=other_key)[0], "unknown ca")
    for sentence, settings, words in (
            ("a CA file that is missing", {"ca": "/nowhere.pem"}, ("CA certificate file /nowhere.pem", "No such file")),
            ("a CA file that is no certificate", {"ca": key}, ("CA certificate file " + key, "no certificate")),
            ("a certificate without its key", {"certificate": certificate}, ("but no client key",)),
            ("a key without its certificate", {"key": key}, ("but no client certificate",)),
            ("a key that is missing", {"certificate": certificate, "key": "/nowhere.key"},
             ("client key file /nowhere.key", "No such file")),
            ("a key of another certificate", {"certificate": certificate, "key": other_key}, ("key",)),
            ("a certificate file that is none", {"certificate": key, "key": key},
             ("client certificate file " + key,))):
        settings = {"ca": ca.path, **settings}
        check_error(f"{sentence} is named", post(url, **settings)[0], *words)


def check_renewal(ca, stranger):
    """The file is replaced between two exchanges of one client."""
    server = tls_receiver(ca.issue("receiver.test", "DNS:receiver.test"))
    path = os.path.join(TEMP, "renewed.pem")
    shutil.copy(stranger.path, path)
    child = tap.start([POST, f"https://receiver.test:{server.port}/", "times=2", "wait=stdin",
                       "ca=" + path], stdin=tap.subprocess.PIPE, stdout=tap.subprocess.PIPE, text=True)
    first = child.stdout.readline()
    shutil.copy(ca.path, path + ".new")
    os.rename(path + ".new", path)
    out, _ = child.communicate("\n", timeout=20)
    tap.check("a certificate file that was replaced is read again",
              '"status": 0' in first and '"status": 200' in out, first + out)


def check_proxies(ca):
    proxy = Receiver(lambda path: (200, {}, b"by proxy"))
    settings = {"http_proxy": f"http://me:secret@127.0.0.1:{proxy.port}"}
    report = post("http://far.test:4318/x", **settings)[0]
    path, headers, _ = proxy.requests[0]
    tap.check_equal("a plain request goes to the proxy whole, with the proxy's password",
                    (report["body"], path, headers.get("Host"), headers.get("Proxy-Authorization")),
                    ("by proxy", "http://far.test:4318/x", "far.test:4318", "Basic bWU6c2VjcmV0"))
    server = tls_receiver(ca.issue("receiver.test", "DNS:receiver.test"))
    settings = {"https_proxy": f"http://127.0.0.1:{proxy.port}", "ca": ca.path}
    reports = post(f"https://receiver.test:{server.port}/y", times=2, **settings)
    tap.check("a TLS request goes through a tunnel, which is kept",
              [r["status"] for r in reports] == [200, 200] and reports[-1]["connections"] == 1
              and len(server.requests) == 2
              and proxy.requests[1][0] == f"receiver.test:{server.port}", f"{reports} {proxy.requests}")
    tap.check("the proxy sees neither headers nor body of it", proxy.requests[1][2] == b"CONNECT"
              and "Content-Type" not in proxy.requests[1][1], proxy.requests[1])
    count = len(proxy.requests)
    report = post(f"https://receiver.test:{server.port}/", no_proxy=".test", **settings)[0]
    tap.check("NO_PROXY keeps the proxy out", report["status"] == 200
              and len(proxy.requests) == count, report)
    refusing = Receiver(lambda path: (407, {}, b""))
    check_error("a proxy that refuses is named with its status",
                post("https://receiver.test:1/", https_proxy=f"http://127.0.0.1:{refusing.port}")[0],
                f"the proxy 127.0.0.1:{refusing.port} for receiver.test:1", "407")
    check_error("a proxy of another kind is an error", post(
        "https://receiver.test:1/", https_proxy="socks5://127.0.0.1:1")[0], "HTTPS_PROXY is not usable")


def main():
    if not shutil.which("openssl"):
        tap.skip("TLS to receivers", "openssl")
        return tap.done()
    if "without TLS" in post("https://127.0.0.1:1/")[0]["error"]:
        tap.skip("TLS to receivers", "OpenSSL in this build, meson option tls")
        return tap.done()
    ca, stranger = Authority(TEMP), Authority(TEMP, "stranger")
    check_trust(ca, stranger)
    check_client_certificate(ca, stranger)
    check_renewal(ca, stranger)
    check_proxies(ca)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
