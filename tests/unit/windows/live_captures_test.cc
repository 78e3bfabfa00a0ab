// SPDX-License-Identifier: Apache-2.0
#include "live_captures.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "piece.h"

namespace podo {
namespace {

constexpr int64_t kGrid = LiveCaptures::kGridNs;

// The captures' side of an export loop: pieces of one tick a grid step, in order.
class Recorder {
 public:
  bool Begin(int64_t now_ns, int64_t duration_ns, const bool* given_up = nullptr) {
    return captures.Begin(
        now_ns, duration_ns, [given_up] { return given_up != nullptr && *given_up; }, nullptr);
  }
  // A piece [begin, end) with as many ticks as it has steps; what is finished by then, as ticks.
  std::vector<int64_t> Feed(int64_t begin_step, int64_t end_step) {
    const model::WindowTotals totals =
        test::Totals(static_cast<uint64_t>(end_step - begin_step), (end_step - begin_step) * kGrid);
    captures.Add(test::Piece("Parse", totals), totals, begin_step * kGrid);
    return Take(end_step * kGrid);
  }
  std::vector<int64_t> Take(int64_t now_ns) {
    std::vector<int64_t> ticks;
    for (LiveCaptures::Capture& capture : captures.TakeFinished(now_ns)) {
      ticks.push_back(capture.sum.empty() ? 0 : static_cast<int64_t>(capture.sum.totals().ticks));
    }
    return ticks;
  }
  LiveCaptures captures;
};

using Ticks = std::vector<int64_t>;

TEST_CASE("a recording holds the pieces of its time and no other") {
  Recorder recorder;
  REQUIRE(recorder.Begin(2 * kGrid, 3 * kGrid));
  CHECK(recorder.Feed(0, 2).empty());
  CHECK(recorder.Feed(2, 4).empty());
  CHECK(recorder.Feed(4, 5) == Ticks{3});
  CHECK(recorder.Feed(5, 6).empty());
}

TEST_CASE("recordings that overlap are each complete") {
  Recorder recorder;
  REQUIRE(recorder.Begin(0, 4 * kGrid));
  REQUIRE(recorder.Begin(1 * kGrid, 2 * kGrid));
  CHECK(recorder.Feed(0, 1).empty());
  CHECK(recorder.Feed(1, 3) == Ticks{2});
  CHECK(recorder.Feed(3, 4) == Ticks{4});
}

TEST_CASE("boundaries lie on a grid, so that many who ask cut no more often than it has steps") {
  Recorder recorder;
  REQUIRE(recorder.Begin(1, kGrid));
  REQUIRE(recorder.Begin(kGrid - 1, kGrid));
  CHECK(recorder.captures.NextBoundary(0) == kGrid);
  CHECK(recorder.captures.NextBoundary(kGrid) == 2 * kGrid);
  CHECK(recorder.captures.NextBoundary(2 * kGrid) == INT64_MAX);
}

TEST_CASE("a recording whose cuts came too late takes the first piece after its time") {
  Recorder recorder;
  REQUIRE(recorder.Begin(kGrid, kGrid));
  CHECK(recorder.Feed(0, 5).empty());
  CHECK(recorder.Feed(5, 6) == Ticks{1});
}

TEST_CASE("what nobody waits for any more is dropped, and its place is free at once") {
  Recorder recorder;
  bool gone = false;
  for (size_t i = 0; i < LiveCaptures::kMax; ++i) REQUIRE(recorder.Begin(0, kGrid, &gone));
  CHECK_FALSE(recorder.Begin(0, kGrid));
  gone = true;
  CHECK(recorder.Begin(0, kGrid));
  CHECK(recorder.Feed(0, 1) == Ticks{1});
}

TEST_CASE("at the end of profiling recordings get what there is, and no new one begins") {
  Recorder recorder;
  REQUIRE(recorder.Begin(0, 10 * kGrid));
  REQUIRE(recorder.Begin(5 * kGrid, 10 * kGrid));
  CHECK(recorder.Feed(0, 2).empty());
  CHECK(recorder.Take(INT64_MAX) == Ticks{2, 0});
  CHECK_FALSE(recorder.Begin(6 * kGrid, kGrid));
}

}  // namespace
}  // namespace podo
