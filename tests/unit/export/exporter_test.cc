// SPDX-License-Identifier: Apache-2.0
#include "export/exporter.h"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <vector>

namespace podo::exporting {
namespace {

constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;

// Answers what it is told to.
class ScriptedSink : public Sink {
 public:
  ScriptedSink(PayloadScope scope, std::deque<absl::Status> answers)
      : scope_(scope), answers_(std::move(answers)) {}
  PayloadFormat format() const override { return PayloadFormat::kPprof; }
  PayloadScope scope() const override { return scope_; }
  const std::string& name() const override { return name_; }
  SendOutcome Send(const Payload&, int64_t) override {
    const absl::Status answer = answers_.front();
    answers_.pop_front();
    SendOutcome outcome;
    outcome.verdict = answer.ok() ? SendVerdict::kDelivered : SendVerdict::kRetry;
    outcome.reason = std::string(answer.message());
    return outcome;
  }

 private:
  PayloadScope scope_;
  std::deque<absl::Status> answers_;
  std::string name_ = "file:///x/";
};

Payload Of(const std::string& bytes, bool is_last = false) {
  Payload payload;
  payload.bytes = std::make_shared<const std::string>(bytes);
  payload.is_last = is_last;
  return payload;
}

const absl::Status kOk = absl::OkStatus();
const absl::Status kFull = absl::UnavailableError("disk full");
const absl::Status kReadOnly = absl::PermissionDeniedError("read-only");

// The lines logged when a window a minute ends with `answers`.
std::vector<std::string> Lines(const std::vector<absl::Status>& answers,
                               int64_t step_ns = kMinute) {
  FailureLog log("s");
  std::vector<std::string> lines;
  int64_t now_ns = 0;
  for (const absl::Status& answer : answers) {
    lines.push_back(log.Observe(answer, now_ns).value_or(""));
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
  std::vector<absl::Status> flapping;
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
    if (log.Observe(absl::UnavailableError(std::to_string(i)), 0)) ++lines;
  }
  CHECK(lines == 16);
}

TEST_CASE("every payload is counted as written or lost, of a run only the last state is lost") {
  struct Case {
    PayloadScope scope;
    uint64_t lost;
  };
  for (const Case& c : {Case{PayloadScope::kWindow, 2}, Case{PayloadScope::kRun, 1}}) {
    std::vector<std::string> lines;
    Exporter exporter(
        std::make_unique<ScriptedSink>(c.scope, std::deque<absl::Status>{kFull, kOk, kFull}),
        [] { return int64_t{0}; }, [&](const std::string& line) { lines.push_back(line); });
    CHECK(!exporter.Export(Of("12345")).ok());
    CHECK(exporter.Export(Of("123")).ok());
    CHECK(!exporter.Export(Of("1", true)).ok());
    const ExportCounts counts = exporter.counts();
    CHECK(counts.profiles_written == 1);
    CHECK(counts.profiles_lost == c.lost);
    CHECK(counts.errors == 2);
    CHECK(counts.bytes_written == 3);
    CHECK(lines.size() == 2);
  }
}

}  // namespace
}  // namespace podo::exporting
