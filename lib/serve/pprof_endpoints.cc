// SPDX-License-Identifier: Apache-2.0
#include "serve/pprof_endpoints.h"

#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "encode/pprof_encoder.h"
#include "serve/answers.h"

namespace podo::serve {
namespace {

constexpr std::string_view kRoot = "/debug/pprof/";
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kRecordSeconds = 30;  // Go's default
// More than a profile has: pprof asks for all addresses without a name in one request.
constexpr size_t kMaxAddresses = 10'000;

// Those of Go's that a C++ process cannot have, or not yet.
constexpr std::string_view kOthers[] = {"allocs", "block", "goroutine",   "heap",
                                        "mutex",  "trace", "threadcreate"};

Response GoError(int status, std::string_view message) {
  Response response = TextError(status, message);
  response.headers.emplace_back("X-Go-Pprof", "1");
  return response;
}

Response Index() {
  Response response;
  response.content_type = kHtmlType;
  response.body =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><title>/debug/pprof/</title></head><body>\n"
      "<h1>/debug/pprof/</h1>\n<p>Profiles of this process, recorded by podo. The <a "
      "href=\"../../\">page</a> shows the last hours.</p>\n<ul>\n"
      "<li><a href=\"profile?seconds=5\">profile</a>: CPU profile; <code>go tool pprof "
      "http://HOST/debug/pprof/profile?seconds=30</code></li>\n"
      "<li><a href=\"cmdline\">cmdline</a>: the program</li>\n"
      "<li>symbol: names of addresses</li>\n</ul>\n</body></html>\n";
  return response;
}

Response Recorded(const model::Profile& profile) {
  base::StatusOr<std::string> bytes = encode::EncodePprofGz(profile);
  if (!bytes.ok()) return GoError(500, "out of memory");
  Response response;
  response.content_type = kBinaryType;
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"profile\"");
  response.body = *std::move(bytes);
  return response;
}

void Record(const Request& request, const Target& target, const Sources& sources,
            std::function<bool()> is_waiting, Respond respond) {
  int64_t seconds = 0;
  BadRequest bad;
  if (!ReadNumber(target, "seconds", 0, kMaxRecordSeconds, kRecordSeconds, &seconds, &bad)) {
    return respond(GoError(400, bad.message));
  }
  if (seconds == 0) seconds = kRecordSeconds;  // as Go does
  const std::string why = sources.stopped_because();
  if (!why.empty()) return respond(GoError(503, absl::StrCat("profiling is off: ", why)));
  if (request.method == "HEAD") return respond(Recorded(model::Profile::Empty()));
  // Whoever is called back first takes it: `finished` may outlive this call.
  const bool taken = sources.record(
      seconds * kSecondNs, [is_waiting = std::move(is_waiting)] { return !is_waiting(); },
      [respond](const model::Profile& profile) { respond(Recorded(profile)); });
  if (!taken) respond(GoError(503, "too many recordings at once, or profiling has just ended"));
}

// "0x4a2b10+0x4a2c00", or separated by anything else that is not a number, as Go reads it.
std::vector<uint64_t> ReadAddresses(std::string_view text) {
  std::vector<uint64_t> addresses;
  while (!text.empty() && addresses.size() < kMaxAddresses) {
    const size_t end = std::min(text.find('+'), text.size());
    std::string_view word = base::TrimBlanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    int base = 10;
    if (word.starts_with("0x") || word.starts_with("0X")) {
      base = 16;
      word.remove_prefix(2);
    }
    uint64_t address = 0;
    const auto [stop, error] =
        std::from_chars(word.data(), word.data() + word.size(), address, base);
    if (error == std::errc() && stop == word.data() + word.size() && address != 0) {
      addresses.push_back(address);
    }
  }
  return addresses;
}

// A first line, then "0xaddress name" for each address that has one.
Response Symbols(const Request& request, const Target& target, const Sources& sources) {
  const std::vector<uint64_t> addresses =
      ReadAddresses(request.method == "POST" ? request.body : target.query);
  const std::vector<std::string> names = sources.names(addresses);
  Response response;
  response.body = "num_symbols: 1\n";  // not a count: more than 0 means that there are symbols
  for (size_t i = 0; i < addresses.size() && i < names.size(); ++i) {
    if (names[i].empty()) continue;
    absl::StrAppend(&response.body, "0x", absl::Hex(addresses[i]), " ", names[i], "\n");
  }
  return response;
}

}  // namespace

void AnswerPprof(const Request& request, const Target& target, const Sources& sources,
                 std::function<bool()> is_waiting, Respond respond) {
  if (target.path + "/" == kRoot) {
    Response moved = TextError(301, "see /debug/pprof/");
    moved.headers.emplace_back("Location", std::string(kRoot));
    return respond(std::move(moved));
  }
  const std::string_view kind = std::string_view(target.path).substr(kRoot.size());
  if (kind.empty()) return respond(Index());
  if (kind == "profile") {
    return Record(request, target, sources, std::move(is_waiting), std::move(respond));
  }
  if (kind == "symbol") return respond(Symbols(request, target, sources));
  if (kind == "cmdline") {
    // The arguments are left out: they may hold secrets.
    Response response;
    response.body = sources.identity.program;
    return respond(std::move(response));
  }
  for (const std::string_view other : kOthers) {
    if (kind != other) continue;
    return respond(GoError(404, absl::StrCat("no profile ", std::string(kind),
                                             " in this process; there is: profile (CPU)")));
  }
  respond(GoError(404, "Unknown profile"));
}

}  // namespace podo::serve
