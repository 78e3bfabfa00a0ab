// SPDX-License-Identifier: Apache-2.0
#include "export/failure_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace podo::exporting {
namespace {

constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;

const base::Status kOk = base::OkStatus();
const base::Status kFull = base::UnavailableError("disk full");
const base::Status kReadOnly = base::PermissionDeniedError("read-only");

std::optional<std::string> Observe(FailureLog* log, const base::Status& status, int64_t now_ns) {
  if (status.ok()) return log->ObserveSuccess();
  return log->ObserveFailure(std::string(status.message()), now_ns);
}

// The lines logged when a window a minute ends with `answers`.
std::vector<std::string> Lines(const std::vector<base::Status>& answers,
                               int64_t step_ns = kMinute) {
  FailureLog log("s");
  std::vector<std::string> lines;
  int64_t now_ns = 0;
  for (const base::Status& answer : answers) {
    lines.push_back(Observe(&log, answer, now_ns).value_or(""));
    now_ns += step_ns;
  }
  return lines;
}

TEST_CASE("a cause is logged once, each cause by itself, and the end once") {
  using Expected = std::vector<std::string>;
  CHECK(Lines({kOk, kOk}) == Expected{"", ""});
  CHECK(Lines({kFull, kFull, kFull, kOk, kOk}) ==
        Expected{"sink s: disk full", "", "", "sink s works again after 3 failed attempts", ""});
  CHECK(Lines({kFull, kReadOnly, kFull, kOk}) ==
        Expected{"sink s: disk full", "sink s: read-only", "",
                 "sink s works again after 3 failed attempts"});
  CHECK(Lines({kFull, kOk}) ==
        Expected{"sink s: disk full", "sink s works again after 1 failed attempt"});
}

TEST_CASE("a disk that is full on and off does not fill the log, but is told again after an hour") {
  std::vector<base::Status> flapping;
  for (int i = 0; i < 50; ++i) {
    flapping.push_back(kFull);
    flapping.push_back(kOk);
  }
  const auto told = [](const std::vector<std::string>& lines) {
    return lines.size() - std::count(lines.begin(), lines.end(), "");
  };
  CHECK(told(Lines(flapping)) == 4);               // 100 minutes: at 0 and at 60
  CHECK(told(Lines(flapping, kMinute / 2)) == 2);  // 50 minutes
}

TEST_CASE("causes that never repeat do not fill the log either") {
  FailureLog log("s");
  int lines = 0;
  for (int i = 0; i < 1000; ++i) {
    if (Observe(&log, base::UnavailableError(std::to_string(i)), 0)) ++lines;
  }
  CHECK(lines == 16);
}

TEST_CASE("a note is told once an hour and is no failure") {
  FailureLog log("s");
  CHECK(log.ObserveNote("the queue is full", 0) == "sink s: the queue is full");
  CHECK(!log.ObserveNote("the queue is full", kMinute));
  CHECK(!log.ObserveSuccess());
  CHECK(log.ObserveNote("the queue is full", 60 * kMinute));
}

}  // namespace
}  // namespace podo::exporting
