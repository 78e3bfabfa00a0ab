// SPDX-License-Identifier: Apache-2.0
#include "capture/tick.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <set>

namespace podo::capture {
namespace {

constexpr auto kThread = Tick::Source::kThread;
constexpr auto kProcess = Tick::Source::kProcess;

TEST_CASE("a tick of a timer stands for its own periods times the divisor of the rate") {
  struct Case {
    uint32_t divisor;
    uint16_t overruns;
    uint64_t periods;
  };
  for (const Case& c :
       {Case{1, 0, 1}, Case{1, 3, 4}, Case{1, 65535, 65536}, Case{2, 0, 2}, Case{64, 0, 64},
        Case{8, 3, 32}, Case{64, 1023, 65536}, Case{64, 1024, 65536}, Case{64, 65535, 65536}}) {
    CAPTURE(c.divisor);
    CAPTURE(c.overruns);
    Throttle throttle = {};
    throttle.left_out = c.divisor - 1;
    Tick tick = {kThread, false, c.overruns};
    CHECK(Weigh(&throttle, &tick));
    CHECK(tick.periods() == c.periods);
  }
}

TEST_CASE(
    "of ITIMER_PROF's ticks one of so many is taken, for all of them, now this one, now that") {
  for (const uint32_t divisor : {1u, 2u, 8u, 64u}) {
    CAPTURE(divisor);
    Throttle throttle = {};
    throttle.left_out = divisor - 1;
    std::set<uint32_t> places;
    for (uint32_t block = 0; block < 100; ++block) {
      uint64_t periods = 0;
      for (uint32_t i = 0; i < divisor; ++i) {
        Tick tick = {kProcess, true, 0};
        if (!Weigh(&throttle, &tick)) continue;
        periods += tick.periods();
        places.insert(i);
      }
      CHECK(periods == divisor);
    }
    CHECK(places.size() > divisor / 2);
  }
}

TEST_CASE("nothing is sampled in a pause") {
  Throttle throttle = {};
  throttle.paused = 1;
  throttle.left_out = 7;
  for (const bool is_itimer : {false, true}) {
    for (int i = 0; i < 20; ++i) {
      Tick tick = {kProcess, is_itimer, 0};
      CHECK_FALSE(Weigh(&throttle, &tick));
    }
  }
}

}  // namespace
}  // namespace podo::capture
