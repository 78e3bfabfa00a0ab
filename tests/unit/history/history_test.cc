// SPDX-License-Identifier: Apache-2.0
#include "history/history.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "synthetic.h"

namespace podo::history {
namespace {

Query Range(int64_t from_s, int64_t until_s) {
  Query query;
  query.from_ns = kDayBeginNs + from_s * kSecondNs;
  query.until_ns = kDayBeginNs + until_s * kSecondNs;
  return query;
}

Query Labelled(LabelMatch match) {
  Query query;
  query.labels.push_back(std::move(match));
  return query;
}

Told Ask(const History& history, const Query& query = {}) {
  const base::StatusOr<ProfileAnswer> answer = history.Profile(query);
  REQUIRE_MESSAGE(answer.ok(), std::string(answer.status().message()));
  return Tell(answer->profile);
}

MadeWindow At(int64_t second, std::vector<MadeStack> stacks) {
  MadeWindow window;
  window.begin_ns += second * kSecondNs;
  window.stacks = std::move(stacks);
  return window;
}

TEST_CASE("A range answers what merging its windows would") {
  History history({});
  std::vector<model::Profile> all;
  for (int i = 0; i < 40; ++i) {
    MadeWindow window = BusyWindow(i, 300);
    window.begin_ns += i * 10 * kSecondNs;
    all.push_back(Make(window));
    history.Add(all.back());
  }
  CHECK(Ask(history) == Tell(MergeAll(all)));
  const Told some = Tell(MergeAll({all.begin() + 3, all.begin() + 7}));
  CHECK(Ask(history, Range(30, 70)) == some);
  CHECK(Ask(history, Range(25, 61)) == some);

  const base::StatusOr<ProfileAnswer> answer = history.Profile(Range(30, 70));
  const model::Profile merged = MergeAll({all.begin() + 3, all.begin() + 7});
  CHECK(answer->profile.time_ns == merged.time_ns);
  CHECK(answer->profile.duration_ns == merged.duration_ns);
  CHECK(answer->profile.period == merged.period);
  CHECK(answer->profile.comments.size() == 1);
  CHECK(answer->profile.String(answer->profile.comments[0]) == "service.name=shop");
  CHECK(answer->profile.String(answer->profile.mappings[1].filename) == "/opt/shop");
  CHECK(answer->resolution.windows == 4);
  CHECK(answer->resolution.from_ns == kDayBeginNs + 30 * kSecondNs);
  CHECK(answer->resolution.until_ns == kDayBeginNs + 70 * kSecondNs);
  CHECK(answer->resolution.longest_window_ns == 10 * kSecondNs);
  CHECK(!answer->resolution.folded);
}

TEST_CASE("A range without windows has an empty answer") {
  History history({});
  history.Add(Make(At(0, {{{1}}})));
  const base::StatusOr<ProfileAnswer> answer = history.Profile(Range(10, 20));
  REQUIRE(answer.ok());
  CHECK(answer->profile.samples.empty());
  CHECK(answer->profile.sample_types.size() == 2);
  CHECK(answer->resolution.windows == 0);
  CHECK(answer->resolution.from_ns == 0);
}

TEST_CASE("Samples are chosen by their labels") {
  History history({});
  history.Add(Make(At(0, {{{1}, 1, "/pay"},
                          {{2}, 2, "/cart"},
                          {{3}, 4, ""},
                          {{4}, 8, "/pay", 12},
                          {{5}, 16, "/search"}})));
  const auto ticks = [&](const Query& query) { return Total(Ask(history, query)).first; };
  const auto starts_with_p = [](std::string_view value) { return value.starts_with("/p"); };
  CHECK(ticks({}) == 31);
  CHECK(ticks(Labelled({"endpoint", {"/pay"}, nullptr})) == 9);
  CHECK(ticks(Labelled({"endpoint", {"/pay", "/cart"}, nullptr})) == 11);
  CHECK(ticks(Labelled({"endpoint", {""}, nullptr})) == 4);
  CHECK(ticks(Labelled({"endpoint", {"", "/cart"}, nullptr})) == 6);
  CHECK(ticks(Labelled({"endpoint", {}, starts_with_p})) == 9);
  CHECK(ticks(Labelled({"endpoint", {"/cart"}, starts_with_p})) == 11);
  CHECK(ticks(Labelled({"endpoint", {"/none"}, nullptr})) == 0);
  CHECK(ticks(Labelled({"thread_id", {"12"}, nullptr})) == 8);
  Query both = Labelled({"endpoint", {"/pay"}, nullptr});
  both.labels.push_back({"thread_id", {""}, nullptr});
  CHECK(ticks(both) == 1);
}

TEST_CASE("Names that come later hold for earlier windows") {
  MadeWindow unnamed = At(0, {{{1, 2}, 3}});
  unnamed.named = false;
  MadeWindow named = At(10, {{{1, 2}, 5}, {{9}, 1}});
  named.load_base = 0x7f0000000000;  // a restart moved the program

  History history({});
  history.Add(Make(unnamed));
  CHECK(Ask(history, Range(0, 10)).begin()->first == "c0ffee01+4097;c0ffee01+4098;");
  history.Add(Make(named));
  CHECK(Ask(history, Range(0, 10)) == Told{{"f1:1;f2:2;", {3, 30'000'000}}});
  CHECK(Ask(history).at("f1:1;f2:2;").first == 8);

  MadeWindow stranger = unnamed;
  stranger.build_id = "beef";
  stranger.begin_ns += 20 * kSecondNs;
  history.Add(Make(stranger));
  CHECK(Ask(history, Range(20, 30)).begin()->first == "beef+4097;beef+4098;");
}

TEST_CASE("Time is divided by the values of a label") {
  History history({});
  for (int i = 0; i < 6; ++i) {
    history.Add(
        Make(At(i * 10, {{{1}, 10, "/pay"}, {{2}, 5, "/cart"}, {{3}, i, ""}, {{4}, 1, "/x"}})));
  }
  constexpr int64_t kTick = 10'000'000;
  TimelineQuery query;
  query.by = "endpoint";
  query.max_values = 2;
  base::StatusOr<Timeline> timeline = history.CpuTimeline(query);
  REQUIRE(timeline.ok());
  CHECK(timeline->values == std::vector<std::string>{"/pay", "/cart"});
  REQUIRE(timeline->points.size() == 6);
  CHECK(timeline->points[4].begin_ns == kDayBeginNs + 40 * kSecondNs);
  CHECK(timeline->points[4].duration_ns == 10 * kSecondNs);
  CHECK(timeline->points[4].cpu_ns == std::vector<int64_t>{10 * kTick, 5 * kTick, 5 * kTick});

  query.max_points = 3;
  timeline = history.CpuTimeline(query);
  REQUIRE(timeline->points.size() == 3);
  CHECK(timeline->points[2].begin_ns == kDayBeginNs + 40 * kSecondNs);
  CHECK(timeline->points[2].duration_ns == 20 * kSecondNs);
  CHECK(timeline->points[2].cpu_ns == std::vector<int64_t>{20 * kTick, 10 * kTick, 11 * kTick});
  CHECK(timeline->resolution.windows == 6);

  query.by = "";
  timeline = history.CpuTimeline(query);
  CHECK(timeline->values == std::vector<std::string>{""});
  CHECK(timeline->points[0].cpu_ns == std::vector<int64_t>{33 * kTick, 0});
}

TEST_CASE("The labels of a range are listed with their CPU time") {
  History history({});
  history.Add(Make(At(0, {{{1}, 10, "/pay", 7}, {{2}, 5, "/cart"}, {{3}, 1, ""}})));
  history.Add(Make(At(10, {{{1}, 1, "/pay"}, {{2}, 9, "/cart"}, {{3}, 1, "/new"}})));
  const auto keys = history.Labels({}, 2);
  REQUIRE(keys.ok());
  REQUIRE(keys->size() == 2);
  CHECK((*keys)[0].key == "endpoint");
  REQUIRE((*keys)[0].values.size() == 2);
  CHECK((*keys)[0].values[0].value == "/cart");
  CHECK((*keys)[0].values[0].cpu_ns == 140'000'000);
  CHECK((*keys)[0].values[1].value == "/pay");
  CHECK((*keys)[0].more == 1);
  CHECK((*keys)[1].values[0].value == "7");
}

TEST_CASE("A clock that is set back or forth reorders nothing and loses nothing") {
  History history({});
  const std::vector<int64_t> seconds = {0, 10, 3600, 3610, -7200, -7190, 20};
  for (const int64_t second : seconds) history.Add(Make(At(second, {{{1}, 1}})));
  const base::StatusOr<Timeline> timeline = history.CpuTimeline({});
  REQUIRE(timeline.ok());
  REQUIRE(timeline->points.size() == seconds.size());
  for (size_t i = 0; i < seconds.size(); ++i) {
    CHECK(timeline->points[i].begin_ns == kDayBeginNs + seconds[i] * kSecondNs);
  }
  CHECK(Total(Ask(history)).first == 7);
  CHECK(Total(Ask(history, Range(-7200, 0))).first == 2);
  CHECK(history.Stats().begin_ns == kDayBeginNs);
  CHECK(history.Stats().end_ns == kDayBeginNs + 30 * kSecondNs);
}

TEST_CASE("What came after a step of the clock is not added to what came before") {
  History history({});
  for (int i = 0; i < 8; ++i) history.Add(Make(At(i < 4 ? i * 10 : i * 10 - 7240, {{{1}, 1}})));
  TimelineQuery query;
  query.max_points = 4;
  const base::StatusOr<Timeline> timeline = history.CpuTimeline(query);
  REQUIRE(timeline.ok());
  REQUIRE(timeline->points.size() == 4);
  for (const TimelinePoint& p : timeline->points) CHECK(p.duration_ns == 20 * kSecondNs);
  CHECK(timeline->points[2].begin_ns == kDayBeginNs - 7200 * kSecondNs);
}

TEST_CASE("Few points are enough for a clock that leaps about") {
  History history({});
  for (int i = 0; i < 50; ++i) history.Add(Make(At(i % 2 * 1000000 - i * 20, {{{1}, 1}})));
  TimelineQuery query;
  query.max_points = 7;
  const base::StatusOr<Timeline> timeline = history.CpuTimeline(query);
  REQUIRE(timeline.ok());
  CHECK(timeline->points.size() <= 7);
  int64_t total_ns = 0;
  for (const TimelinePoint& p : timeline->points) total_ns += p.cpu_ns[0];
  CHECK(total_ns == 50 * 10'000'000);
}

TEST_CASE("Questions beside Add see whole windows, and all up to some moment") {
  History history({.max_bytes = 384 << 10});
  constexpr int kWindows = 400;
  constexpr int kTicks = 100;
  std::thread adding([&] {
    for (int i = 0; i < kWindows; ++i) {
      MadeWindow window = BusyWindow(i, kTicks, 500);
      window.begin_ns += i * 10 * kSecondNs;
      history.Add(Make(window));
    }
  });
  int64_t last = 0;
  while (last < kWindows * kTicks) {
    const base::StatusOr<ProfileAnswer> answer = history.Profile({});
    if (!answer.ok()) break;
    const int64_t ticks = Total(Tell(answer->profile)).first;
    if (ticks % kTicks != 0 || ticks < last) break;
    last = ticks;
  }
  adding.join();
  CHECK(last == kWindows * kTicks);
}

TEST_CASE("An answer that would take too much memory is refused") {
  History history({});
  MadeWindow many = At(0, {});
  for (int i = 0; i < 20000; ++i) many.stacks.push_back({{1}, 1, absl::StrCat("/", i)});
  history.Add(Make(many));
  for (int i = 1; i < 700; ++i) history.Add(Make(At(i * 10, {{{1}, 1}})));
  TimelineQuery query;
  query.by = "endpoint";
  query.max_values = 100'000;
  const base::StatusOr<Timeline> timeline = history.CpuTimeline(query);
  REQUIRE(base::IsResourceExhausted(timeline.status()));
  CHECK(timeline.status().message().find("shorter range") != std::string::npos);
  query.max_values = 10;
  CHECK(history.CpuTimeline(query).ok());
}

}  // namespace
}  // namespace podo::history
