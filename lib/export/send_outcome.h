// SPDX-License-Identifier: Apache-2.0
// What an HTTP answer means for the payload that was sent: delivered, to be sent again, or lost.
//
// Pure functions. The rules are those of OTLP, which Pyroscope and pprof receivers keep as well:
// again only after 429, 502, 503, 504 and when no answer was read; everything else is an answer.
#ifndef PODO_LIB_EXPORT_SEND_OUTCOME_H_
#define PODO_LIB_EXPORT_SEND_OUTCOME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace podo::exporting {

// One exchange as the client saw it.
struct HttpResult {
  int status = 0;              // 0: no answer was read
  std::string body;            // as much as was read, at most the client's limit
  bool body_complete = false;  // false: it was cut off, or above the limit
  std::string retry_after;     // the header's text; empty without
  std::string content_type;
  // One line, why there is no (whole) answer; empty if there is one. Holds no secret.
  std::string error;
};

// What the body says in the receiver's own format, read by whoever knows the format.
struct AnswerWords {
  int64_t rejected = 0;  // of the profiles that were sent
  std::string message;   // the receiver's words: any bytes
};

enum class SendVerdict {
  kDelivered,  // also if the receiver has a warning
  kPartial,    // accepted in part: the rest is lost, never send again
  kRetry,      // may succeed later
  kRefused,    // lost: sending again cannot help
};

struct SendOutcome {
  SendVerdict verdict = SendVerdict::kRetry;
  // The receiver's wish, from now; none if it has none. At most a day.
  std::optional<int64_t> retry_after_ns;
  int64_t rejected = 0;
  // Of kRefused: nothing that is sent will be taken until somebody changes the set-up (wrong path,
  // token, method), so there is no hurry to try the next payload.
  bool is_setup = false;
  // One line for the log: status, cause, the receiver's own words, cut and sanitized. Empty for a
  // plain success. Equal causes have equal reasons unless the receiver's words differ.
  std::string reason;
};

// `now_wall_ns` is Unix time, for a Retry-After that is a date.
SendOutcome ClassifyAnswer(const HttpResult& result, const AnswerWords& words, int64_t now_wall_ns);

// The value of a Retry-After header: seconds, or an HTTP date in any of its three forms (RFC 9110),
// as the time from now. Never negative, at most a day. None if it is neither.
std::optional<int64_t> ParseRetryAfterNs(std::string_view text, int64_t now_wall_ns);

// Foreign text for a log line: valid UTF-8 without control characters, at most 200 bytes.
std::string PrintableWords(std::string_view text);

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_SEND_OUTCOME_H_
