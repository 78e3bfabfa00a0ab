// SPDX-License-Identifier: Apache-2.0
#include "encode/top.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "encode/top_text.h"
#include "known_profile.h"

namespace podo::encode {
namespace {

const TopRow* Find(const std::vector<TopRow>& rows, const std::string& name) {
  for (const TopRow& row : rows) {
    if (row.function.name == name) return &row;
  }
  return nullptr;
}

const TopChange* Find(const std::vector<TopChange>& changes, const std::string& name) {
  for (const TopChange& change : changes) {
    if (change.function.name == name) return &change;
  }
  return nullptr;
}

TEST_CASE("self is the innermost inlined function's, total is its callers' too") {
  const auto rows = TopTable(KnownProfile(), 0, 100);
  const struct {
    const char* name;
    int64_t self;
    int64_t total;
    int64_t line;
  } kExpected[] = {
      {"libc.so.6+0x2500", 80, 80, 0},
      {"Escape", 15, 15, 15},
      {"Serialize", 0, 15, 88},
      {"Serve", 0, 95, 40},
      {"main", 0, 95, 12},
      {"[threads blocking SIGPROF]", 5, 5, 0},
  };
  CHECK(rows.size() == std::size(kExpected));
  for (const auto& expected : kExpected) {
    CAPTURE(expected.name);
    const TopRow* row = Find(rows, expected.name);
    REQUIRE(row != nullptr);
    CHECK(row->self == expected.self);
    CHECK(row->total == expected.total);
    CHECK(row->function.line == expected.line);
    CHECK(row->self_share == doctest::Approx(expected.self / 100.0));
    CHECK(row->total_share == doctest::Approx(expected.total / 100.0));
  }
}

TEST_CASE("the dearest come first and no more than asked for") {
  const auto rows = TopTable(KnownProfile(), 0, 3);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].function.name == "libc.so.6+0x2500");
  CHECK(rows[1].function.name == "Escape");
  CHECK(rows[2].function.name == "[threads blocking SIGPROF]");
}

TEST_CASE("functions of one name in two files are two") {
  model::ProfileBuilder builder({{"samples", "count"}});
  for (const char* file : {"a.cc", "b.cc"}) {
    const auto location = AddKnownLocation(builder, {}, file[0], {{"Run", file, 1}});
    builder.AddSample(builder.AddStack({location}), {}, {}, {1});
  }
  CHECK(TopTable(builder.Take(), 0, 100).size() == 2);
}

TEST_CASE("growth is measured in shares, so a longer profile has not grown") {
  const auto changes = TopChanges(
      KnownProfile(), 0,
      KnownProfile({.serialize = 20, .recursive = 10, .libc = 160, .blocked = 10}), 0, 100);
  CHECK(changes.empty());
  CHECK(GuiltyFunction(changes) == nullptr);
}

TEST_CASE("changes of two runs at other addresses are matched and ordered by self growth") {
  const auto changes = TopChanges(KnownProfile(), 1, KnownProfileAfter(), 1, 100);
  REQUIRE(changes.size() == 3);  // Serve, main and the blocked ticks have the same share
  const TopChange* escape = Find(changes, "Escape");
  const TopChange* serialize = Find(changes, "Serialize");
  const TopChange* libc = Find(changes, "libc.so.6+0x2500");
  REQUIRE(escape != nullptr);
  REQUIRE(serialize != nullptr);
  REQUIRE(libc != nullptr);
  CHECK(escape->SelfGrowth() == doctest::Approx(0.70));
  CHECK(serialize->SelfGrowth() == doctest::Approx(0.0));
  CHECK(serialize->TotalGrowth() == doctest::Approx(0.70));
  CHECK(libc->SelfGrowth() == doctest::Approx(-0.70));
  CHECK(&changes.back() == serialize);
}

TEST_CASE("a function that is gone or new counts as zero on the other side") {
  const auto changes = TopChanges(KnownProfile({.libc = 0}), 0,
                                  KnownProfile({.serialize = 0, .recursive = 0}), 0, 100);
  const TopChange* escape = Find(changes, "Escape");
  const TopChange* libc = Find(changes, "libc.so.6+0x2500");
  REQUIRE(escape != nullptr);
  REQUIRE(libc != nullptr);
  CHECK(escape->self_after == 0);
  CHECK(escape->function.file == "json.cc");
  CHECK(libc->self_before == 0);
}

TEST_CASE("guilty is the innermost function of one's own that holds most of the growth") {
  const auto row = [](const char* name, const char* file, double before, double after) {
    return TopChange{
        .function = {.name = name, .file = file}, .total_before = before, .total_after = after};
  };
  const struct {
    const char* name;
    std::vector<TopChange> changes;
  } kCases[] = {
      {"Serialize",
       {row("Serve", "s.cc", 0.5, 0.95), row("Serialize", "j.cc", 0.1, 0.8),
        row("Escape", "j.cc", 0.05, 0.2), row("main", "m.cc", 0.99, 0.99)}},
      {"Escape", {row("Serialize", "j.cc", 0.1, 0.8), row("Escape", "j.cc", 0.1, 0.7)}},
      {"Escape",
       {row("Escape", "j.cc", 0.1, 0.8),
        row("std::string::append", "/usr/include/c++/12/bits/basic_string.h", 0.1, 0.7),
        row("__memmove_avx", "", 0.1, 0.7)}},
      {"memmove", {row("memmove", "", 0.1, 0.3), row("strlen", "", 0.3, 0.1)}},
      {"none", {row("Shrunk", "s.cc", 0.9, 0.1), row("Noise", "s.cc", 0.1, 0.1005)}},
      {"none", {}},
  };
  for (const auto& test : kCases) {
    const TopChange* guilty = GuiltyFunction(test.changes);
    CHECK(std::string(guilty == nullptr ? "none" : guilty->function.name) == test.name);
  }
}

TEST_CASE("negative values keep shares within one, and huge ones do not wrap around") {
  model::ProfileBuilder builder({{"samples", "count"}});
  builder.AddSample(builder.AddStack({builder.AddNamedFrame("less")}), {}, {}, {INT64_MIN});
  builder.AddSample(builder.AddStack({builder.AddNamedFrame("more")}), {}, {}, {INT64_MAX});
  const auto rows = TopTable(builder.Take(), 0, 10);
  REQUIRE(rows.size() == 2);
  for (const TopRow& row : rows) CHECK(std::abs(row.self_share) == doctest::Approx(1.0));
}

TEST_CASE("the table's text has numbers first, then function and place") {
  CHECK(TopTableText(KnownProfile(), 1, 2) ==
        "cpu: 1.00 s\n"
        "        self         self%        total        total%  function (file:line)\n"
        "   800.00 ms  80.0% +- 4.0    800.00 ms  80.0% +- 4.0  libc.so.6+0x2500 (/lib/libc.so.6)\n"
        "   150.00 ms  15.0% +- 3.6    150.00 ms  15.0% +- 3.6  Escape (json.cc:15)\n");
}

TEST_CASE("what sampling leaves open of a share") {
  CHECK(SamplingError(0.03, 1820) == doctest::Approx(0.004).epsilon(0.01));
  CHECK(SamplingError(-0.5, 100) == doctest::Approx(0.05));
  CHECK(SamplingError(1.5, 100) == 0);
  CHECK(SamplingError(0.5, 0) == 0);
  model::ProfileBuilder unknown({{"alloc_space", "bytes"}});
  unknown.AddSample(unknown.AddStack({unknown.AddNamedFrame("f")}), {}, {}, {4096});
  const model::Profile profile = unknown.Take();
  CHECK(SampleCount(profile) == 0);
  CHECK(TopTableText(profile, 0, 1).find("+-") == std::string::npos);
}

TEST_CASE("the text of changes names the guilty function even when it shows fewer rows") {
  CHECK(TopChangesText(KnownProfile(), 0, KnownProfileAfter(), 0, 1) ==
        "before samples: 100\n"
        "after  samples: 100\n"
        "guilty: Escape (json.cc:15): 15.0% before, 85.0% after\n"
        "    self    after   change     total    after   change  function (file:line)\n"
        "   15.0%    85.0%   +70.0%     15.0%    85.0%   +70.0%  Escape (json.cc:15)\n");
  CHECK(GuiltyText(nullptr) == "guilty: none, no function's share grew");
}

TEST_CASE("values are shown in their unit, names cannot steer a terminal") {
  CHECK(ValueText(1'250'000'000, "nanoseconds") == "1.25 s");
  CHECK(ValueText(7'200'000'000'000, "nanoseconds") == "2.00 h");
  CHECK(ValueText(-1500, "microseconds") == "-1.50 ms");
  CHECK(ValueText(0, "nanoseconds") == "0 ns");
  CHECK(ValueText(3 << 20, "bytes") == "3.00 MiB");
  CHECK(ValueText(12, "count") == "12");
  CHECK(ValueText(12, "cycles") == "12 cycles");
  CHECK(FunctionText({.name = "a\x1b[2Jb", .file = "x\n.cc", .line = 3}) == "a [2Jb (x .cc:3)");
}

}  // namespace
}  // namespace podo::encode
