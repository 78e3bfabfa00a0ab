// SPDX-License-Identifier: Apache-2.0
// Whose a delivery of the signal is, and how many periods it stands for. Of the handler.
#ifndef PODO_LIB_CAPTURE_TICK_H_
#define PODO_LIB_CAPTURE_TICK_H_

#include <signal.h>

#include <atomic>
#include <cstdint>

#include "capture/state.h"

namespace podo::capture {

// One delivery of the signal.
struct Tick {
  enum class Source {
    kForeign,  // not podo's
    kProcess,  // podo's timer on the CPU time of the process: whose it was is a guess
    kThread,   // this thread's own timer
  } source;
  bool is_itimer;
  uint16_t overruns;  // periods that it stands for beside its own

  uint64_t periods() const { return uint64_t{overruns} + 1; }
};

// Sent by somebody, or by a timer of somebody's.
inline Tick Foreign(const State& state) {
  return {state.sample_foreign != 0 ? Tick::Source::kThread : Tick::Source::kForeign, false, 0};
}

inline Tick TickOf(const State& state, const siginfo_t& cause) {
  if (cause.si_code == SI_KERNEL && state.uses_itimer.load(std::memory_order_relaxed) != 0) {
    return {Tick::Source::kProcess, true, 0};
  }
  if (cause.si_code == POLL_IN && state.uses_perf.load(std::memory_order_relaxed) != 0) {
    return {Tick::Source::kThread, false, 0};
  }
  if (cause.si_code != SI_TIMER) return Foreign(state);
  const void* tag = cause.si_value.sival_ptr;
  const bool own = tag == ThreadTick(state);
  if (!own && tag != ProcessTick(state)) return Foreign(state);
  const int overruns = cause.si_overrun;
  const int bounded = overruns < 0 ? 0 : overruns > UINT16_MAX ? UINT16_MAX : overruns;
  return {own ? Tick::Source::kThread : Tick::Source::kProcess, false,
          static_cast<uint16_t>(bounded)};
}

// At a lowered rate a tick stands for more periods; false: it is none of those to be sampled.
inline bool Weigh(Throttle* throttle, Tick* tick) {
  if (throttle->paused.load(std::memory_order_relaxed) != 0) return false;
  const uint32_t left_out = throttle->left_out.load(std::memory_order_relaxed);
  if (left_out == 0) [[likely]]
    return true;
  // The period of ITIMER_PROF stays: one of so many ticks is taken, but not each n-th one: threads
  // take turns, and it could always be the same one's.
  if (tick->is_itimer) {
    const uint32_t n = throttle->itimer_ticks.fetch_add(1, std::memory_order_relaxed);
    constexpr uint32_t kOdd = 0x9E3779B1;
    const uint32_t taken = (n | left_out) * kOdd >> 16;  // of these, as good as any
    if (((n ^ taken) & left_out) != 0) return false;
  }
  const uint64_t periods = tick->periods() * (uint64_t{left_out} + 1);
  tick->overruns = static_cast<uint16_t>(periods > UINT16_MAX ? UINT16_MAX : periods - 1);
  return true;
}

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_TICK_H_
