// SPDX-License-Identifier: Apache-2.0
// A day, and less room than it takes.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "history/history.h"
#include "synthetic.h"

namespace podo::history {
namespace {

// Windows one after the other from the beginning of the day, of `kinds` different ones; gives the
// totals of all.
std::pair<int64_t, int64_t> AddWindows(History* history, int count, int ticks, int kinds) {
  std::vector<model::Profile> made;
  for (int i = 0; i < kinds; ++i) made.push_back(Make(BusyWindow(i, ticks, 500)));
  std::pair<int64_t, int64_t> total;
  for (int i = 0; i < count; ++i) {
    model::Profile& profile = made[i % made.size()];
    profile.time_ns = kDayBeginNs + i * 10 * kSecondNs;
    for (size_t j = 0; j < profile.samples.size(); ++j) {
      total.first += profile.ValuesOf(j)[0];
      total.second += profile.ValuesOf(j)[1];
    }
    history->Add(profile);
  }
  return total;
}

Told Ask(const History& history, const Query& query = {}) {
  const base::StatusOr<ProfileAnswer> answer = history.Profile(query);
  REQUIRE_MESSAGE(answer.ok(), std::string(answer.status().message()));
  return Tell(answer->profile);
}

TEST_CASE("Windows are made coarser where there is no room, and no tick is lost") {
  constexpr uint64_t kBytes = 512 << 10;
  History history({.max_bytes = kBytes});
  const auto total = AddWindows(&history, 1500, 200, 97);
  const HistoryStats stats = history.Stats();
  CHECK(stats.bytes <= kBytes);
  CHECK(stats.windows_dropped == 0);
  CHECK(stats.windows_merged > 0);
  CHECK(stats.windows == 1500 - stats.windows_merged);
  CHECK(stats.begin_ns == kDayBeginNs);
  CHECK(stats.end_ns == kDayBeginNs + 15000 * kSecondNs);

  const Told told = Ask(history);
  CHECK(Total(told) == total);
  const base::StatusOr<Timeline> timeline = history.CpuTimeline({.max_points = 5000});
  REQUIRE(timeline.ok());
  CHECK(timeline->resolution.folded);
  int64_t cpu_ns = 0, end_ns = kDayBeginNs;
  for (const TimelinePoint& p : timeline->points) {
    REQUIRE(p.begin_ns == end_ns);  // no gap, no overlap
    end_ns = p.begin_ns + p.duration_ns;
    cpu_ns += p.cpu_ns[0];
  }
  CHECK(cpu_ns == total.second);
  // The newest are the sharpest.
  CHECK(timeline->points.back().duration_ns == 10 * kSecondNs);
  CHECK(timeline->points.front().duration_ns >= 60 * kSecondNs);
}

TEST_CASE("What even the coarsest has no room for is dropped, the oldest first") {
  History history({.max_bytes = 128 << 10});
  AddWindows(&history, 3000, 150, 97);
  const HistoryStats stats = history.Stats();
  CHECK(stats.bytes <= 128 << 10);
  CHECK(stats.windows_dropped > 0);
  CHECK(stats.begin_ns > kDayBeginNs);
  CHECK(stats.end_ns == kDayBeginNs + 30000 * kSecondNs);
}

// Sanitizers are ten times as slow, and see in two hours what they would see in a day.
#if defined(__SANITIZE_ADDRESS__)
constexpr int kDayWindows = 720;
#else
constexpr int kDayWindows = 8640;
#endif

TEST_CASE("A day of two busy cores fits into 16 MiB") {
  History history({});
  const auto total = AddWindows(&history, kDayWindows, 2000, 97);
  const HistoryStats stats = history.Stats();
  MESSAGE((stats.bytes >> 10), " KiB, ", stats.windows, " windows");
  CHECK(stats.bytes <= 16 << 20);
  CHECK(stats.windows_dropped == 0);
  CHECK(Total(Ask(history)) == total);
}

}  // namespace
}  // namespace podo::history
