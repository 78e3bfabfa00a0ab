// SPDX-License-Identifier: Apache-2.0
// Which clock a run gets, and how fast: what was asked for, as far as this kernel gives it.
#ifndef PODO_LIB_CLOCK_CHOICE_H_
#define PODO_LIB_CLOCK_CHOICE_H_

#include <cstdint>

#include "capture/sampling_clock.h"
#include "config.h"

namespace podo {

struct ClockChoice {
  capture::ClockKind kind;
  double hz;
  uint64_t period_ns;
};

// Says in one line each what is not given.
ClockChoice ChooseClock(const Config& config);

}  // namespace podo

#endif  // PODO_LIB_CLOCK_CHOICE_H_
