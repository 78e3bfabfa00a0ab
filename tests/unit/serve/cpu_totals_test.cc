// SPDX-License-Identifier: Apache-2.0
#include "serve/cpu_totals.h"

#include <doctest/doctest.h>

#include <string>

#include "model/profile_builder.h"
#include "serve/bounded_totals.h"

namespace podo::serve {
namespace {

using Values = std::vector<std::pair<std::string, int64_t>>;

TEST_CASE("a name gets a place by its share of a window, and keeps it with a smaller one") {
  BoundedTotals totals({.places = 10, .least_share = 0.05});
  totals.Add({{"big", 90}, {"small", 4}}, 100);
  totals.Add({{"big", 1}, {"small", 5}}, 100);
  CHECK(totals.Sums() == Values{{"big", 91}, {"small", 5}});
}

TEST_CASE("sums never shrink, and no more places than allowed are given") {
  BoundedTotals totals({.places = 2, .least_share = 0.01, .small_share = 0.001, .idle_windows = 3});
  totals.Add({{"a", 50}, {"b", 30}, {"c", 20}}, 100);
  CHECK(totals.Sums() == Values{{"a", 50}, {"b", 30}});
  for (int i = 0; i < 2; ++i) totals.Add({{"a", 50}, {"c", 50}}, 100);
  CHECK(totals.Sums() == Values{{"a", 150}, {"b", 30}});  // b is idle, but not for long
}

TEST_CASE("a place that was idle for long is given to a newcomer") {
  BoundedTotals totals({.places = 2, .least_share = 0.01, .small_share = 0.001, .idle_windows = 3});
  totals.Add({{"a", 50}, {"b", 30}}, 100);
  for (int i = 0; i < 3; ++i) totals.Add({{"a", 50}, {"c", 50}}, 100);
  CHECK(totals.Sums() == Values{{"a", 200}, {"c", 50}});
}

TEST_CASE("windows without CPU time make nobody idle") {
  BoundedTotals totals({.places = 1, .least_share = 0.01, .small_share = 0.001, .idle_windows = 1});
  totals.Add({{"a", 50}}, 100);
  for (int i = 0; i < 5; ++i) totals.Add({}, 0);
  totals.Add({{"a", 50}}, 100);
  CHECK(totals.Sums() == Values{{"a", 100}});
}

// main -> Parse -> Parse (recursion) -> leaf `leaf`, `ns` each.
model::Profile Window(const std::string& leaf, const std::string& endpoint, int64_t ns) {
  model::ProfileBuilder b({{"samples", "count"}, {"cpu", "nanoseconds"}});
  const model::LocationId main = b.AddNamedFrame("main"), parse = b.AddNamedFrame("Parse");
  model::LabelSet labels;
  labels.labels.push_back({b.AddString("endpoint"), b.AddString(endpoint), 0, {}});
  labels.labels.push_back({b.AddString("thread_id"), {}, 7, {}});
  model::Link link;
  link.trace_id[0] = 1;
  b.AddSample(b.AddStack({b.AddNamedFrame(leaf), parse, parse, main}), b.AddLabelSet(labels),
              b.AddLink(link), {1, ns});
  return b.Take();
}

TEST_CASE("functions have their own time and that of what they call; recursion counts once") {
  CpuTotals totals;
  totals.Add(Window("Escape", "/pay", 70));
  totals.Add(Window("Escape", "/cart", 30));
  const CpuTotals::Snapshot read = totals.Read();
  std::map<std::string, int64_t> self, total;
  for (const auto& f : read.self) self[f.name] = f.cpu_ns;
  for (const auto& f : read.total) total[f.name] = f.cpu_ns;
  CHECK(self == std::map<std::string, int64_t>{{"Escape", 100}});
  CHECK(total == std::map<std::string, int64_t>{{"Escape", 100}, {"Parse", 100}, {"main", 100}});
}

TEST_CASE("label values have series, those of traces and threads have not") {
  CpuTotals totals;
  totals.Add(Window("Escape", "/pay", 70));
  totals.Add(Window("Escape", "/cart", 30));
  const CpuTotals::Snapshot read = totals.Read();
  REQUIRE(read.labels.size() == 2);
  CHECK(read.labels[0].key == "endpoint");
  CHECK(read.labels[0].value == "/cart");
  CHECK(read.labels[0].cpu_ns == 30);
  CHECK(read.labels[1].value == "/pay");
}

TEST_CASE("long names are cut between characters") {
  CpuTotals totals;
  totals.Add(Window(std::string(196, 'a') + "\xc3\xa4\xc3\xa4\xc3\xa4", "/", 1));
  const std::string name = totals.Read().self.at(0).name;
  CHECK(name == std::string(196, 'a') + "\xe2\x80\xa6");
}

TEST_CASE("code without names is one series a module, of its own time only") {
  model::ProfileBuilder b({{"samples", "count"}, {"cpu", "nanoseconds"}});
  const model::MappingId libc =
      b.AddMapping({.start = 0x1000, .limit = 0x9000, .filename = b.AddString("/lib/libc.so.6")});
  const auto at = [&](uint64_t address) {
    return b.AddLocation({.mapping = libc, .address = address, .lines = {}});
  };
  b.AddSample(b.AddStack({at(0x2000), at(0x3000)}), {}, {}, {1, 10});
  b.AddSample(b.AddStack({at(0x3000)}), {}, {}, {1, 5});
  CpuTotals totals;
  totals.Add(b.Take());
  const CpuTotals::Snapshot read = totals.Read();
  REQUIRE(read.self.size() == 1);
  CHECK(read.self[0].name == "[libc.so.6]");
  CHECK(read.self[0].cpu_ns == 15);
  CHECK(read.total.empty());
}

}  // namespace
}  // namespace podo::serve
