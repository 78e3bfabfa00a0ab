// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_sinks.h"

#include <doctest/doctest.h>

namespace podo::doctor {
namespace {

using Kind = exporting::SinkSpec::Kind;

SinkFacts Answered(Kind kind, int status, const std::string& reason) {
  SinkFacts facts;
  facts.kind = kind;
  facts.url = "otlp+http://h:4318/";
  facts.status = status;
  facts.reason = reason;
  return facts;
}

TEST_CASE("an answer is judged by its status and by who gave it") {
  struct Case {
    Kind kind;
    int status;
    Mark mark;
    std::string advice;
  };
  const Case cases[] = {
      {Kind::kOtlp, 401, Mark::kProblem, "PODO_HEADERS"},
      {Kind::kOtlp, 403, Mark::kProblem, "PODO_HEADERS"},
      {Kind::kOtlp, 404, Mark::kProblem, "service.profilesSupport"},
      {Kind::kPyroscope, 404, Mark::kProblem, "push.v1"},
      {Kind::kPprofPost, 404, Mark::kProblem, "path and query"},
      {Kind::kPprofPost, 405, Mark::kProblem, "POST"},
      {Kind::kOtlp, 407, Mark::kProblem, "proxy"},
      {Kind::kOtlp, 415, Mark::kProblem, "PODO_COMPRESSION"},
      {Kind::kOtlp, 302, Mark::kProblem, "redirects"},
      {Kind::kOtlp, 429, Mark::kNote, "later"},
      {Kind::kOtlp, 503, Mark::kNote, "later"},
      {Kind::kOtlp, 500, Mark::kProblem, "log"},
      {Kind::kOtlp, 400, Mark::kNote, "empty"},
      {Kind::kPyroscope, 400, Mark::kOk, ""},
      {Kind::kPprofPost, 422, Mark::kOk, ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.status);
    const Finding finding = JudgeSink(Answered(one.kind, one.status, "REASON"));
    CAPTURE(finding.advice);
    CHECK(finding.mark == one.mark);
    CHECK(finding.advice.find(one.advice) != std::string::npos);
    CHECK(finding.advice.empty() == one.advice.empty());
    CHECK(finding.text.find("REASON") != std::string::npos);
  }
}

TEST_CASE("a receiver that takes the request is ok, with its warning a note") {
  CHECK(JudgeSink(Answered(Kind::kOtlp, 200, "")).mark == Mark::kOk);
  const Finding warned = JudgeSink(Answered(Kind::kOtlp, 200, "warning: soon full"));
  CHECK(warned.mark == Mark::kNote);
  CHECK(warned.text.find("soon full") != std::string::npos);
}

TEST_CASE("a secret that is refused gets other advice than one that is missing") {
  SinkFacts facts = Answered(Kind::kOtlp, 401, "401 Unauthorized");
  const std::string missing = JudgeSink(facts).advice;
  facts.sends_secret = true;
  CHECK(JudgeSink(facts).advice != missing);
}

TEST_CASE("no answer is a problem, with advice for what was under way") {
  struct Case {
    std::string reason, advice;
  };
  const Case cases[] = {
      {"resolving h: Name or service not known", "name is not known"},
      {"resolving h: no end within 5000 ms", "name is not known"},
      {"connecting to 1.2.3.4:80: Connection refused", "Nobody listens"},
      {"connecting to unix:/x: No such file or directory", "socket is not there"},
      {"connecting to 1.2.3.4:80: Network is unreachable", "no way"},
      {"connecting to 1.2.3.4:80: no end within 5000 ms", "firewall"},
      {"TLS handshake with h:443: certificate CN=x (issued by CN=y): self-signed certificate",
       "PODO_CERTIFICATE"},
      {"TLS handshake with h:443: wrong version number", "http instead of https"},
      {"waiting for the answer of h:80: no end within 5000 ms", "does not answer"},
      {"waiting for the answer of h:80: the other side closed the connection", "https"},
      {"something new", "try again"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.reason);
    const Finding finding = JudgeSink(Answered(Kind::kOtlp, 0, one.reason));
    CHECK(finding.mark == Mark::kProblem);
    CHECK(finding.text.find(one.reason) != std::string::npos);
    CHECK(finding.advice.find(one.advice) != std::string::npos);
  }
}

TEST_CASE("a sink that cannot be made, and one behind a proxy, say so") {
  SinkFacts facts = Answered(Kind::kOtlp, 0, "");
  facts.unusable = "HTTP needs libpodo_net.so, which is not in /lib";
  CHECK(JudgeSink(facts).mark == Mark::kProblem);
  CHECK(JudgeSink(facts).text.find("libpodo_net.so") != std::string::npos);
  facts = Answered(Kind::kOtlp, 200, "");
  facts.proxy = "proxy:3128";
  CHECK(JudgeSink(facts).text.find("by proxy proxy:3128") != std::string::npos);
}

}  // namespace
}  // namespace podo::doctor
