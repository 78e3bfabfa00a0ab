// SPDX-License-Identifier: Apache-2.0
#include "window_sum.h"

#include <doctest/doctest.h>

#include "piece.h"

namespace podo {
namespace {

using test::Piece;
using test::Totals;

constexpr int64_t kMs = 1'000'000;

void Add(WindowSum* sum, const std::string& function, const model::WindowTotals& totals) {
  sum->Add(Piece(function, totals), totals);
}

TEST_CASE("the CPU time of a cut window is its ticks times the period of the whole") {
  WindowSum sum;
  Add(&sum, "Parse", Totals(3, 60 * kMs, 5000));
  Add(&sum, "Parse", Totals(1, 4 * kMs, 7000));
  Add(&sum, "Render", Totals(0, 16 * kMs, 8000));  // CPU time between two ticks is not lost
  Add(&sum, "Render", Totals(4, 80 * kMs, 9000));
  CHECK(sum.totals().ticks == 8);
  const aggregate::AssembledProfile whole = sum.Take();
  CHECK(whole.profile.period == 20 * kMs);
  CHECK(whole.profile.values == std::vector<int64_t>{4, 80 * kMs, 4, 80 * kMs});
  CHECK(whole.profile.time_ns == 5000);
  CHECK(whole.profile.duration_ns == 320 * kMs);
  CHECK(sum.empty());
}

TEST_CASE("a clock that is set back in a cut window does not move its begin") {
  WindowSum sum;
  Add(&sum, "Parse", Totals(1, kMs, 5000));
  Add(&sum, "Parse", Totals(1, kMs, 2000));
  CHECK(sum.Take().profile.time_ns == 5000);
}

TEST_CASE("what a cut window says of itself is said of the whole") {
  WindowSum sum;
  model::WindowTotals totals = Totals(10, 100 * kMs);
  totals.ring_full = 2;
  Add(&sum, "Parse", totals);
  Add(&sum, "Parse", totals);
  CHECK(sum.Take().summary == "podo: 100 Hz asked, sampling_ratio 1, ticks 20, dropped 4");
}

TEST_CASE("what PODO_MAX_OVERHEAD left is said of the whole: the least of all pieces") {
  WindowSum sum;
  model::WindowTotals totals = Totals(10, 100 * kMs);
  Add(&sum, "Parse", totals);
  totals.rate_divisor = 8;
  totals.frames_left = 64;
  totals.over_budget = 3;
  Add(&sum, "Parse", totals);
  totals.rate_divisor = 2;
  totals.frames_left = 128;
  totals.over_budget = 4;
  Add(&sum, "Parse", totals);
  totals.frames_left = 0;
  Add(&sum, "Parse", totals);
  CHECK(sum.Take().summary ==
        "podo: 100 Hz asked, sampling_ratio 1, ticks 40, dropped 0, down to 12.5 Hz for "
        "PODO_MAX_OVERHEAD, stacks cut at 64 frames for it, 11 ticks paused for PODO_MAX_OVERHEAD");
}

TEST_CASE("the modules of a sum stand behind its own mappings") {
  const auto module = std::make_shared<const model::Module>();
  const auto piece = [&](uint64_t start) {
    model::ProfileBuilder builder({{"samples", "count"}, {"cpu", "nanoseconds"}});
    builder.AddMapping({.start = start, .limit = start + 1});
    aggregate::AssembledProfile made;
    made.profile = builder.Take();
    made.mapping_modules = {nullptr, module};
    return made;
  };
  WindowSum sum;
  sum.Add(piece(1), {});
  sum.Add(piece(2), {});
  sum.Add(piece(1), {});
  CHECK(sum.modules() ==
        std::vector<std::shared_ptr<const model::Module>>{nullptr, module, module});
}

}  // namespace
}  // namespace podo
