// SPDX-License-Identifier: Apache-2.0
// Fuzz target: whatever a receiver answers, it is understood or refused, and the log stays one
// line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "encode/otlp_response.h"
#include "export/http_target.h"
#include "export/send_outcome.h"
#include "model/utf8.h"

namespace {

void Expect(bool condition, const char* sentence) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", sentence);
  std::abort();
}

bool IsOneLine(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return false;
  }
  return podo::model::IsValidUtf8(text);
}

// The body and headers of an answer; the first byte chooses the status.
void ReadAnswer(std::string_view text) {
  using namespace podo;
  constexpr int kStatuses[] = {200, 204, 301, 400, 404, 429, 500, 503};
  constexpr int64_t kNow = int64_t{1'700'000'000} * 1'000'000'000;
  constexpr int64_t kDayNs = int64_t{86'400} * 1'000'000'000;
  exporting::HttpResult result;
  result.status = kStatuses[static_cast<unsigned char>(text.empty() ? 0 : text[0]) % 8];
  result.retry_after = std::string(text);
  exporting::AnswerWords words;
  if (const auto answer = encode::ReadOtlpResponse(text); answer.ok()) {
    words = {answer->rejected_profiles, answer->message};
  }
  if (const auto message = encode::ReadRpcStatusMessage(text); message.ok()) {
    words.message += *message;
  } else {
    Expect(IsOneLine(std::string(message.status().message())), "an error is one line");
  }
  const exporting::SendOutcome outcome = exporting::ClassifyAnswer(result, words, kNow);
  Expect(IsOneLine(outcome.reason), "a reason is one printable line");
  Expect(outcome.reason.size() < 300, "a reason is short");
  Expect(outcome.rejected >= 0, "nothing negative was rejected");
  const int64_t wait_ns = outcome.retry_after_ns.value_or(0);
  Expect(wait_ns >= 0 && wait_ns <= kDayNs, "the wait is at most a day");
}

// A URL, then the proxies' variables, one a line.
void ReadTarget(std::string_view text) {
  using namespace podo;
  const size_t end = std::min(text.find('\n'), text.size());
  const auto target = exporting::ParseHttpTarget(text.substr(0, end));
  if (!target.ok()) return;
  const std::string rest(text.substr(std::min(end + 1, text.size())));
  static_cast<void>(exporting::ChooseProxy(*target, {rest, rest, rest}));
  static_cast<void>(exporting::ChooseProxy(*target, {"http://p", "http://p", rest}));
  Expect(target->path.starts_with('/'), "a path begins with a slash");
  Expect(target->unix_path.empty() != target->host.empty(), "a host or a socket");
  Expect(exporting::HostHeader(*target).find_first_of(" \r\n\t") == std::string::npos,
         "a host header is one word");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  ReadAnswer(text);
  ReadTarget(text);
  return 0;
}
