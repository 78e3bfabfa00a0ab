// SPDX-License-Identifier: Apache-2.0
// A process that the HTTP side can show, made up for tests.
#ifndef PODO_TESTS_UNIT_SERVE_FAKE_SOURCES_H_
#define PODO_TESTS_UNIT_SERVE_FAKE_SOURCES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/profile_builder.h"
#include "serve/sources.h"

namespace podo::test {

inline constexpr int64_t kNow = 1'767'225'600'000'000'000;

inline model::Profile OneStack(const std::string& leaf, int64_t ticks) {
  model::ProfileBuilder b({{"samples", "count"}, {"cpu", "nanoseconds"}});
  b.AddSample(b.AddStack({b.AddNamedFrame(leaf), b.AddNamedFrame("main")}), {}, {},
              {ticks, ticks * 10'000'000});
  b.profile().period_type = {b.AddString("cpu"), b.AddString("nanoseconds")};
  b.profile().period = 10'000'000;
  return b.Take();
}

// Answers from fixed data, and remembers what it was asked.
struct FakeProcess {
  serve::Sources Sources() {
    serve::Sources s;
    s.identity = {
        "checkout",           "id-1",         "0.1.0", "shop-1", "/usr/bin/checkout", 4711,
        kNow - 1'000'000'000, 10'000'000'000, 16 << 20};
    s.now_ns = [] { return kNow; };
    s.stats = [] {
      podo_stats stats = {};
      stats.sample_hz = 100;
      stats.sampling_ratio = 0.5;
      return stats;
    };
    s.stopped_because = [this] { return stopped; };
    s.profile = [this](const history::Query& query) -> base::StatusOr<history::ProfileAnswer> {
      queries.push_back(query);
      if (!failure.ok()) return failure;
      const bool is_earlier = query.until_ns < kNow;
      return history::ProfileAnswer{OneStack(is_earlier ? "Parse" : "Escape", is_earlier ? 3 : 5),
                                    resolution};
    };
    s.timeline = [this](const history::TimelineQuery& query) -> base::StatusOr<history::Timeline> {
      timeline_query = query;
      if (!failure.ok()) return failure;
      return timeline;
    };
    s.labels = [this](const history::Query& query,
                      size_t) -> base::StatusOr<std::vector<history::LabelKey>> {
      queries.push_back(query);
      return labels;
    };
    s.history_stats = [this] { return history_stats; };
    s.record = [this](int64_t duration_ns, std::function<bool()> given_up,
                      std::function<void(model::Profile)> finished) {
      if (recordings.size() >= max_recordings) return false;
      recordings.push_back({duration_ns, std::move(given_up), std::move(finished)});
      return true;
    };
    s.names = [](const std::vector<uint64_t>& addresses) {
      std::vector<std::string> names;
      for (const uint64_t a : addresses) names.push_back(a == 0x20 ? "" : absl::StrCat("f", a));
      return names;
    };
    s.compile_pattern = [](std::string_view) -> base::StatusOr<serve::Predicate> {
      return base::InvalidArgumentError("no patterns here");
    };
    s.metrics = [](bool openmetrics) { return openmetrics ? "open" : "plain"; };
    return s;
  }

  struct Recording {
    int64_t duration_ns;
    std::function<bool()> given_up;
    std::function<void(model::Profile)> finished;
  };
  std::string stopped;
  base::Status failure;
  history::Resolution resolution{2, kNow - 20'000'000'000, kNow, 10'000'000'000, false};
  history::Timeline timeline;
  history::HistoryStats history_stats;
  std::vector<history::LabelKey> labels;
  size_t max_recordings = 2;

  std::vector<history::Query> queries;
  history::TimelineQuery timeline_query;
  std::vector<Recording> recordings;
};

inline const std::string* HeaderOf(const serve::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace podo::test

#endif  // PODO_TESTS_UNIT_SERVE_FAKE_SOURCES_H_
