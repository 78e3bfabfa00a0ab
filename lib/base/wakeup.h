// SPDX-License-Identifier: Apache-2.0
// Wakes one waiting thread. Unlike a condition variable it needs no lock, so neither side can be
// held up by the other, and Post() is async-signal-safe.
#ifndef PODO_LIB_BASE_WAKEUP_H_
#define PODO_LIB_BASE_WAKEUP_H_

#include <semaphore.h>
#include <time.h>

#include <cstdint>

#include "base/clock.h"

namespace podo::base {

class Wakeup {
 public:
  Wakeup() { sem_init(&semaphore_, 0, 0); }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  // Several posts before a wait may count as one. Async-signal-safe.
  void Post() { sem_post(&semaphore_); }

  // Returns at a post or after `limit_ns`; takes all posts that are there. May return early
  // (EINTR).
  void WaitFor(int64_t limit_ns) {
    const int64_t deadline = SteadyClockNs() + (limit_ns > 0 ? limit_ns : 0);
    const timespec at = {static_cast<time_t>(deadline / 1'000'000'000),
                         static_cast<long>(deadline % 1'000'000'000)};
    if (sem_clockwait(&semaphore_, CLOCK_MONOTONIC, &at) != 0) return;
    while (sem_trywait(&semaphore_) == 0) {
    }
  }

 private:
  sem_t semaphore_;
};

}  // namespace podo::base

#endif  // PODO_LIB_BASE_WAKEUP_H_
