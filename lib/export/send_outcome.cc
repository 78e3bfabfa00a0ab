// SPDX-License-Identifier: Apache-2.0
#include "export/send_outcome.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "model/utf8.h"

namespace podo::exporting {
namespace {

bool IsRetryable(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

// Redirects are among them: they are not followed.
bool IsSetup(int status) {
  return (status >= 300 && status < 400) || status == 401 || status == 403 || status == 404 ||
         status == 405 || status == 407 || status == 415;
}

std::string_view StatusName(int status) {
  struct Name {
    int status;
    std::string_view name;
  };
  constexpr Name kNames[] = {
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {407, "Proxy Authentication Required"},
      {408, "Request Timeout"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  for (const Name& known : kNames) {
    if (known.status == status) return known.name;
  }
  return "";
}

// "503 Service Unavailable: the receiver's words".
std::string Describe(int status, std::string_view words) {
  std::string text = absl::StrCat(status);
  if (!StatusName(status).empty()) absl::StrAppend(&text, " ", std::string(StatusName(status)));
  if (status >= 300 && status < 400) text += " (redirects are not followed)";
  const std::string printable = PrintableWords(words);
  if (!printable.empty()) absl::StrAppend(&text, ": ", printable);
  return text;
}

}  // namespace

SendOutcome ClassifyAnswer(const HttpResult& result, const AnswerWords& words,
                           int64_t now_wall_ns) {
  SendOutcome outcome;
  if (result.status == 0) {
    outcome.reason = result.error;
  } else if (result.status >= 200 && result.status < 300) {
    // The header was the yes. Should the body have been cut off, then only words are missing.
    outcome.verdict = words.rejected > 0 ? SendVerdict::kPartial : SendVerdict::kDelivered;
    outcome.rejected = std::max(words.rejected, int64_t{0});
    const std::string said = PrintableWords(words.message);
    if (words.rejected > 0) outcome.reason = absl::StrCat(words.rejected, " profiles rejected");
    if (!said.empty()) {
      absl::StrAppend(&outcome.reason, outcome.reason.empty() ? "warning: " : ": ", said);
    }
  } else if (IsRetryable(result.status)) {
    outcome.retry_after_ns = ParseRetryAfterNs(result.retry_after, now_wall_ns);
    outcome.reason = Describe(result.status, words.message);
  } else {
    outcome.verdict = SendVerdict::kRefused;
    outcome.is_setup = IsSetup(result.status);
    outcome.reason = Describe(result.status, words.message);
  }
  return outcome;
}

std::string PrintableWords(std::string_view text) {
  constexpr size_t kMaxBytes = 200;
  std::string valid = model::ToValidUtf8(text.substr(0, 4 * kMaxBytes));
  std::string line;
  for (size_t i = 0; i < valid.size(); ++i) {
    const unsigned char byte = static_cast<unsigned char>(valid[i]);
    // U+0080 to U+009F are control characters, too: C2 80 to C2 9F.
    const bool c1 =
        byte == 0xC2 && i + 1 < valid.size() && static_cast<unsigned char>(valid[i + 1]) < 0xA0;
    if (c1) ++i;
    const bool blank = byte <= ' ' || byte == 0x7f || c1;
    if (!blank) line += valid[i];
    if (blank && !line.empty() && line.back() != ' ') line += ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() <= kMaxBytes) return line;
  size_t end = kMaxBytes - 3;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end) + "...";
}

}  // namespace podo::exporting
