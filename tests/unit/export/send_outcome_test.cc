// SPDX-License-Identifier: Apache-2.0
#include "export/send_outcome.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::exporting {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 784'111'777 * kSecond;  // Sun, 06 Nov 1994 08:49:37 GMT

HttpResult Answer(int status, const std::string& retry_after = "") {
  HttpResult result;
  result.status = status;
  result.body_complete = true;
  result.retry_after = retry_after;
  return result;
}

TEST_CASE("a status means what OTLP says it means") {
  struct Case {
    int status;
    SendVerdict verdict;
    const char* reason;
  };
  constexpr Case kCases[] = {
      {200, SendVerdict::kDelivered, ""},
      {204, SendVerdict::kDelivered, ""},
      {301, SendVerdict::kRefused, "301 (redirects are not followed)"},
      {400, SendVerdict::kRefused, "400 Bad Request"},
      {401, SendVerdict::kRefused, "401 Unauthorized"},
      {404, SendVerdict::kRefused, "404 Not Found"},
      {408, SendVerdict::kRefused, "408 Request Timeout"},
      {413, SendVerdict::kRefused, "413 Content Too Large"},
      {415, SendVerdict::kRefused, "415 Unsupported Media Type"},
      {429, SendVerdict::kRetry, "429 Too Many Requests"},
      {500, SendVerdict::kRefused, "500 Internal Server Error"},
      {501, SendVerdict::kRefused, "501 Not Implemented"},
      {502, SendVerdict::kRetry, "502 Bad Gateway"},
      {503, SendVerdict::kRetry, "503 Service Unavailable"},
      {504, SendVerdict::kRetry, "504 Gateway Timeout"},
      {599, SendVerdict::kRefused, "599"},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.status);
    const SendOutcome outcome = ClassifyAnswer(Answer(c.status), {}, kNow);
    CHECK(outcome.verdict == c.verdict);
    CHECK(outcome.reason == c.reason);
  }
}

TEST_CASE("without an answer it may be sent again, with the client's words") {
  HttpResult result;
  result.error = "connecting to c:4318: Connection refused";
  const SendOutcome outcome = ClassifyAnswer(result, {}, kNow);
  CHECK(outcome.verdict == SendVerdict::kRetry);
  CHECK(outcome.reason == result.error);
}

TEST_CASE("a yes whose body was cut off is a yes") {
  HttpResult result = Answer(200);
  result.body_complete = false;
  result.error = "the other side closed the connection";
  CHECK(ClassifyAnswer(result, {}, kNow).verdict == SendVerdict::kDelivered);
}

TEST_CASE("partial success is never sent again; a warning is only said") {
  const SendOutcome partial = ClassifyAnswer(Answer(200), {2, "too old"}, kNow);
  CHECK(partial.verdict == SendVerdict::kPartial);
  CHECK(partial.rejected == 2);
  CHECK(partial.reason == "2 profiles rejected: too old");
  const SendOutcome warned = ClassifyAnswer(Answer(200), {0, "use gzip"}, kNow);
  CHECK(warned.verdict == SendVerdict::kDelivered);
  CHECK(warned.reason == "warning: use gzip");
  CHECK(ClassifyAnswer(Answer(200), {-5, ""}, kNow).rejected == 0);
}

TEST_CASE("the receiver's words stand in the reason, printable and cut") {
  const SendOutcome outcome =
      ClassifyAnswer(Answer(400), {0, "bad\n\x1b[31m\xff wire\0type"}, kNow);
  CHECK(outcome.reason == "400 Bad Request: bad [31m\xEF\xBF\xBD wire");
  CHECK(PrintableWords("  a \r\n b  ") == "a b");
  CHECK(PrintableWords(std::string(200, 'x')) == std::string(200, 'x'));
  CHECK(PrintableWords(std::string(201, 'x')) == std::string(197, 'x') + "...");
  std::string umlauts;
  for (int i = 0; i < 500; ++i) umlauts += "\xc3\xa4";
  CHECK(PrintableWords(umlauts).size() == 196 + 3);
}

TEST_CASE("Retry-After is seconds or a date in any of three forms, at most a day") {
  struct Case {
    const char* text;
    std::optional<int64_t> seconds;
  };
  constexpr int64_t kDay = 24 * 3600;
  const Case cases[] = {
      {"120", 120},
      {" 7 ", 7},
      {"0", 0},
      {"99999999", kDay},
      {"99999999999999999999999999", kDay},
      {"Sun, 06 Nov 1994 08:50:37 GMT", 60},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
      {"Sun, 06 Nov 1994 08:48:37 GMT", 0},  // past
      {"Sunday, 06-Nov-94 08:49:47 GMT", 10},
      {"Sun Nov  6 08:49:38 1994", 1},
      {"Wed Nov 16 08:49:38 1994", kDay},
      {"Mon, 07 Nov 2094 08:49:37 GMT", kDay},
      {"Saturday, 06-Nov-50 08:49:47 GMT", 0},  // 1950: 2050 is more than 50 years ahead
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"1.5", std::nullopt},
      {"soon", std::nullopt},
      {"Sun, 06 Foo 1994 08:49:37 GMT", std::nullopt},
      {"Sun, 06 anF 1994 08:49:37 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:37", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:37 GMT+1", std::nullopt},
      {"Sun, 6 Nov 1994 25:00:00 GMT", std::nullopt},
      {"Sun, 00 Nov 1994 08:49:37 GMT", std::nullopt},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto ns = ParseRetryAfterNs(c.text, kNow);
    CHECK(ns.has_value() == c.seconds.has_value());
    if (ns && c.seconds) CHECK(*ns == *c.seconds * kSecond);
  }
  CHECK(ClassifyAnswer(Answer(429, "3"), {}, kNow).retry_after_ns == 3 * kSecond);
  CHECK(ClassifyAnswer(Answer(503, "x"), {}, kNow).retry_after_ns == std::nullopt);
  CHECK(ClassifyAnswer(Answer(400, "3"), {}, kNow).retry_after_ns == std::nullopt);
}

}  // namespace
}  // namespace podo::exporting
