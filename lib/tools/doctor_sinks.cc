// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_sinks.h"

#include "absl/strings/str_cat.h"

namespace podo::doctor {
namespace {

using Kind = exporting::SinkSpec::Kind;

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

struct Cure {
  const char* doing;  // how the reason begins: what was under way
  const char* words;  // in it
  const char* advice;
};

// By the words of libc, OpenSSL and podo's own client (export/http_connection.cc); the first holds.
constexpr Cure kCures[] = {
    {"resolving ", "",
     "The name is not known here: in Kubernetes mind the namespace (name.namespace.svc), elsewhere "
     "/etc/hosts and /etc/resolv.conf."},
    {"", "refused",
     "Nobody listens there. Is the receiver running, is it that port (OTLP over HTTP: 4318, "
     "Pyroscope: 4040), and does it listen on more than its own loopback?"},
    {"", "No such file",
     "The socket is not there: is the receiver running, and is its directory mounted here?"},
    {"", "unreachable", "There is no way to that network from here: routes, VPN, network policy."},
    {"connecting to ", "no end within",
     "Packets get lost on the way, mostly in a firewall or network policy."},
    {"", "ertificate",
     "Name the authority that signed the receiver's certificate in PODO_CERTIFICATE, and write the "
     "host as the certificate has it."},
    {"TLS handshake", "",
     "Does the receiver speak TLS at that port? If not, write http instead of https."},
    {"waiting for ", "",
     "It takes the connection and does not answer. Does it speak HTTP there? TLS wants https in "
     "the URL; gRPC (port 4317) podo does not speak."},
};

std::string AdviceForNoAnswer(const SinkFacts& facts) {
  for (const Cure& cure : kCures) {
    if (facts.reason.starts_with(cure.doing) && Contains(facts.reason, cure.words)) {
      return cure.advice;
    }
  }
  return "podo would try again, and spool if PODO_SPOOL_DIR is set.";
}

Finding JudgeSuccess(const SinkFacts& facts, const std::string& what) {
  if (facts.reason.empty()) {
    return {Mark::kOk, absl::StrCat(what, "answers ", facts.status, " to an empty request"), ""};
  }
  return {Mark::kNote, absl::StrCat(what, "answers ", facts.status, ", ", facts.reason),
          "The receiver took the request and has something to say."};
}

std::string AdviceForSecret(const SinkFacts& facts) {
  if (facts.sends_secret) {
    return "The receiver does not take the password or header that is sent: mind the blank in "
           "Authorization=Bearer%20TOKEN.";
  }
  return "It wants a secret and gets none: PODO_HEADERS=Authorization=Bearer%20TOKEN, or "
         "user:password@ in the URL; some want PODO_TENANT.";
}

std::string AdviceForNotFound(const SinkFacts& facts) {
  if (facts.kind == Kind::kOtlp) {
    return "No profiles at that path. A Collector takes them with "
           "--feature-gates=service.profilesSupport and a profiles pipeline; without a path podo "
           "posts to /v1development/profiles.";
  }
  if (facts.kind == Kind::kPyroscope) {
    return "The URL is the base, to which podo appends /push.v1.PusherService/Push: is there a "
           "prefix missing or too much?";
  }
  return "Correct path and query of the URL.";
}

}  // namespace

Finding JudgeSink(const SinkFacts& facts) {
  const std::string what =
      absl::StrCat("sink ", facts.url, facts.proxy.empty() ? "" : " by proxy ", facts.proxy, ": ");
  if (!facts.unusable.empty()) {
    return {Mark::kProblem, absl::StrCat(what, "cannot be used: ", facts.unusable),
            "podo would leave this sink out with the same line."};
  }
  if (facts.status == 0) {
    return {Mark::kProblem, absl::StrCat(what, "no answer: ", facts.reason),
            AdviceForNoAnswer(facts)};
  }
  const std::string answered = absl::StrCat(what, "answers ", facts.reason);
  const auto problem = [&](std::string advice) {
    return Finding{Mark::kProblem, answered, std::move(advice)};
  };
  switch (facts.status) {
    case 401:
    case 403:
      return problem(AdviceForSecret(facts));
    case 404:
      return problem(AdviceForNotFound(facts));
    case 405:
      return problem("It takes no POST at that path: is it the path of a page, not of a receiver?");
    case 407:
      return problem("The proxy wants a password: http://user:password@proxy:port.");
    case 408:
    case 429:
    case 503:
      return {Mark::kNote, answered, "It is busy or not ready; podo would try again later."};
    case 415:
      return problem(
          "It does not take this format or compression: try PODO_COMPRESSION=gzip, or "
          "another kind of URL.");
    default:
      break;
  }
  if (facts.status >= 200 && facts.status < 300) return JudgeSuccess(facts, what);
  if (facts.status >= 300 && facts.status < 400) {
    return problem("Write the URL to which it redirects.");
  }
  if (facts.status >= 500) {
    return problem("The receiver is in trouble, or what stands in front of it: look at its log.");
  }
  if (facts.kind == Kind::kOtlp) {
    return {Mark::kNote, absl::StrCat(answered, ", to an empty request"),
            "It may only dislike that it was empty. If profiles are refused too, podo's log says "
            "why; OTLP profiles change from version to version."};
  }
  return {Mark::kOk,
          absl::StrCat(what, "is there, and refuses an empty request (", facts.reason, ")"), ""};
}

}  // namespace podo::doctor
