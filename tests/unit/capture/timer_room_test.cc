// SPDX-License-Identifier: Apache-2.0
#include "capture/timer_room.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::capture {
namespace {

TEST_CASE("the lines of /proc/self/status that count are found") {
  struct Case {
    std::string status;
    bool good;
    SignalQueue queue;
  };
  const Case cases[] = {
      {"Name:\tSigQ:\nThreads:\t7\nSigQ:\t3/96364\nSigPnd:\t0\n", true, {3, 96364, 7}},
      {"Threads:\t1\nSigQ:\t0/18446744073709551615\n", true, {0, UINT64_MAX, 1}},
      {"SigQ:\t3/96364\n", false, {}},
      {"Threads:\t7\nSigQ:\t3\n", false, {}},
      {"Threads:\t7\nSigQ:\tx/3\n", false, {}},
      {"Threads:\n", false, {}},
      {"", false, {}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.status);
    SignalQueue queue;
    REQUIRE(ParseSignalQueue(c.status, &queue) == c.good);
    if (!c.good) continue;
    CHECK(queue.used == c.queue.used);
    CHECK(queue.limit == c.queue.limit);
    CHECK(queue.threads == c.queue.threads);
  }
}

TEST_CASE("a quarter, one for each thread and at least 64 signals are left to the host") {
  struct Case {
    SignalQueue queue;
    int64_t room;
  };
  const Case cases[] = {
      {{0, 96364, 10}, 72273},
      {{80000, 96364, 10}, 0},  // an eighth is left
      {{90000, 96364, 10}, 6364 - 24091},
      {{0, 60, 10}, 0},
      {{51, 60, 10}, 9 - 64},  // not one for each thread
      {{50, 60, 10}, 0},
      {{16, 80, 64}, 0},
      {{16, 80, 65}, 64 - 81},
      {{0, 67, 10}, 3},
      {{2, 67, 10}, 1},
      {{0, 1000, 900}, 84},
      {{0, 1000, 1001}, 1000 - 1017},
      {{0, UINT64_MAX, 1}, INT64_MAX / 4 - INT64_MAX / 4 / 4},
      {{UINT64_MAX, 80, UINT64_MAX}, 80 - INT64_MAX / 4 - (INT64_MAX / 4 + 16)},
  };
  for (const Case& c : cases) {
    CAPTURE(c.queue.used);
    CAPTURE(c.queue.limit);
    CHECK(TimerRoom(c.queue) == c.room);
  }
}

TEST_CASE("this process has room for timers") { CHECK(ReadTimerRoom(0) > 0); }

}  // namespace
}  // namespace podo::capture
