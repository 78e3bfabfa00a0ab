// SPDX-License-Identifier: Apache-2.0
#include "export/exporter.h"

#include <doctest/doctest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "listed_store.h"

namespace podo::exporting {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

SendOutcome Answer(SendVerdict verdict, const std::string& reason = "") {
  SendOutcome outcome;
  outcome.verdict = verdict;
  outcome.reason = reason;
  return outcome;
}
const SendOutcome kYes = Answer(SendVerdict::kDelivered);
const SendOutcome kFull = Answer(SendVerdict::kRetry, "disk full");

// Answers what it is told to; the last answer again and again.
class ScriptedSink : public Sink {
 public:
  ScriptedSink(PayloadScope scope, SinkManners manners, std::deque<SendOutcome> answers)
      : scope_(scope), manners_(manners), answers_(std::move(answers)) {}
  PayloadFormat format() const override { return PayloadFormat::kPprof; }
  PayloadScope scope() const override { return scope_; }
  SinkManners manners() const override { return manners_; }
  const std::string& name() const override { return name_; }
  SendOutcome Send(const Payload&, int64_t) override {
    if (on_send) on_send();
    const SendOutcome answer = answers_.front();
    if (answers_.size() > 1) answers_.pop_front();
    return answer;
  }

  std::function<void()> on_send;

 private:
  PayloadScope scope_;
  SinkManners manners_;
  std::deque<SendOutcome> answers_;
  std::string name_ = "file:///x/";
};

Payload Of(size_t bytes, bool is_last = false) {
  Payload payload;
  payload.bytes = std::make_shared<const std::string>(bytes, 'x');
  payload.is_last = is_last;
  return payload;
}

struct Bench {
  explicit Bench(PayloadScope scope, SinkManners manners, std::deque<SendOutcome> answers,
                 size_t queue_bytes = 1 << 20) {
    auto scripted = std::make_unique<ScriptedSink>(scope, manners, std::move(answers));
    sink = scripted.get();
    DeliverySettings settings;
    settings.queue_bytes = queue_bytes;
    exporter = std::make_unique<Exporter>(
        std::move(scripted), settings, nullptr,
        ExporterSurroundings{base::SteadyClockNs, base::WallClockNs,
                             [this](const std::string& line) { lines.push_back(line); }});
  }
  std::string LastError() const {
    char text[64];
    exporter->CopyLastError(text, sizeof text);
    return text;
  }
  ScriptedSink* sink;
  std::vector<std::string> lines;  // of the thread that runs the exporter
  std::unique_ptr<Exporter> exporter;
};

TEST_CASE("every payload is counted as written or lost, and trouble is told") {
  Bench bench(PayloadScope::kWindow, {}, {kFull, kYes, kFull});
  bench.exporter->Offer({Of(5)});
  bench.exporter->Offer({Of(3)});
  bench.exporter->Offer({Of(1)});
  bench.exporter->Finish(base::SteadyClockNs() + kSecond);
  bench.exporter->Run();
  const DeliveryCounts counts = bench.exporter->counts();
  CHECK(counts.sent == 1);
  CHECK(counts.bytes_sent == 3);
  CHECK(counts.Lost() == 2);
  CHECK(counts.failures == 2);
  CHECK(bench.lines ==
        std::vector<std::string>{"sink file:///x/: disk full",
                                 "sink file:///x/ works again after 1 failed attempt"});
  CHECK(bench.LastError() == "file:///x/: disk full");
}

TEST_CASE("a receiver's warning is told once and is no failure") {
  Bench bench(PayloadScope::kWindow, {}, {Answer(SendVerdict::kDelivered, "warning: soon v2")});
  for (int i = 0; i < 3; ++i) bench.exporter->Offer({Of(1)});
  bench.exporter->Finish(base::SteadyClockNs() + kSecond);
  bench.exporter->Run();
  CHECK(bench.lines == std::vector<std::string>{"sink file:///x/: warning: soon v2"});
  CHECK(bench.exporter->counts().failures == 0);
  CHECK(bench.LastError().empty());
}

TEST_CASE("while a sink hangs its inbox is bounded, and of a run holds the newest state only") {
  for (const PayloadScope scope : {PayloadScope::kWindow, PayloadScope::kRun}) {
    Bench bench(scope, {}, {kYes}, /*queue_bytes=*/1000);
    base::Wakeup sending, go_on;
    std::atomic<bool> hangs{true};
    bench.sink->on_send = [&] {
      if (!hangs) return;
      sending.Post();
      go_on.WaitFor(60 * kSecond);
    };
    std::thread thread([&] { bench.exporter->Run(); });
    bench.exporter->Offer({Of(100)});
    sending.WaitFor(60 * kSecond);
    for (int i = 0; i < 50; ++i) bench.exporter->Offer({Of(100)});
    CHECK(!bench.exporter->WaitSettled(base::SteadyClockNs()));
    const DeliveryCounts hanging = bench.exporter->counts();
    CHECK(hanging.lost_queue_full == (scope == PayloadScope::kWindow ? 40 : 0));
    hangs = false;
    go_on.Post();
    CHECK(bench.exporter->WaitSettled(base::SteadyClockNs() + 60 * kSecond));
    bench.exporter->Finish(base::SteadyClockNs() + kSecond);
    thread.join();
    const DeliveryCounts counts = bench.exporter->counts();
    CHECK(counts.sent == (scope == PayloadScope::kWindow ? 11 : 2));
    CHECK(counts.Lost() == hanging.lost_queue_full);
  }
}

TEST_CASE("a flush is over when what was offered is sent, and not before") {
  Bench bench(PayloadScope::kWindow, {.retries = true, .is_remote = true, .max_age_ns = 0},
              {kFull, kYes});
  std::thread thread([&] { bench.exporter->Run(); });
  bench.exporter->Offer({Of(1), Of(2)});
  bench.exporter->Hurry();
  CHECK(bench.exporter->WaitSettled(base::SteadyClockNs() + 60 * kSecond));
  CHECK(bench.exporter->counts().sent == 2);
  CHECK(bench.exporter->counts().retries == 2);
  bench.exporter->Finish(base::SteadyClockNs());
  thread.join();
}

TEST_CASE("what is read of the last error is one line that was written, never a mix of two") {
  LastWords words;
  char text[300];
  words.CopyTo(text, sizeof text);
  CHECK(std::string(text).empty());
  words.Write(std::string(1000, 'y'), 1);
  words.CopyTo(text, sizeof text);
  CHECK(std::string(text) == std::string(LastWords::kMaxBytes, 'y'));
  words.CopyTo(text, 4);
  CHECK(std::string(text) == "yyy");
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (char c = 'a'; !stop.load(); c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
      words.Write(std::string(200, c), 2);
    }
  });
  for (int i = 0; i < 20'000; ++i) {
    words.CopyTo(text, sizeof text);
    const std::string read = text;
    const bool whole = read.empty() || read == std::string(read.size(), read[0]);
    if (!whole) FAIL(read);
  }
  stop.store(true);
  writer.join();
}

}  // namespace
}  // namespace podo::exporting
