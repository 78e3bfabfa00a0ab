// SPDX-License-Identifier: Apache-2.0
// podo's handler without the pipeline behind it: a test calls it with a context of its choice and
// reads the one record it wrote. What is seen is the handler, its rings and its tables themselves.
#ifndef PODO_TESTS_CAPTURE_ORACLE_PROBE_H_
#define PODO_TESTS_CAPTURE_ORACLE_PROBE_H_

#include <cstdint>
#include <vector>

#include "model/raw_sample.h"

namespace probe {

struct Seen {
  static constexpr uint32_t kMax = 256;
  bool taken = false;    // a record in the ring, or a residue
  bool residue = false;  // left for libunwind: `ticket` finds it again
  uint16_t flags = 0;
  uint32_t count = 0;
  uint32_t ticket = 0;
  uint64_t frames[kMax] = {};
};

// Measures the thread layout, builds the tables, arms. Once, from the main thread. Exits on
// failure.
void Open(uint32_t max_frames = Seen::kMax);

// Runs the handler on `context` (a ucontext_t) and fetches what it recorded. Async-signal-safe.
void Take(void* context, Seen* seen);

// Finishes the residue behind `ticket` with podo's libunwind side. Not in a signal handler.
uint16_t Finish(uint32_t ticket, std::vector<uint64_t>* frames);
// Tickets given out since the last reset, and whether there were too many to keep.
uint32_t Tickets();
bool TicketsLost();
void ResetTickets();

}  // namespace probe

#endif  // PODO_TESTS_CAPTURE_ORACLE_PROBE_H_
