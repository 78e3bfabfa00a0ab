// SPDX-License-Identifier: Apache-2.0
// Keeps podo within PODO_MAX_OVERHEAD: measures what it costs, and sets the clock and the depth of
// stacks to what the budget (overhead_budget.h) leaves.
#ifndef PODO_LIB_OVERHEAD_GUARD_H_
#define PODO_LIB_OVERHEAD_GUARD_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "capture/sampling_clock.h"
#include "capture/state.h"
#include "overhead_budget.h"
#include "own_threads.h"

namespace podo {

// What is taken for granted. Tests have less time and dearer signals; nothing else writes these.
struct OverheadFacts {
  std::atomic<int64_t> window_ns{600'000'000'000};
  // What a signal costs beside its handler: in the kernel, and in caches (docs/benchmarks.md).
  std::atomic<int64_t> delivery_ns{5'000};
};
inline constinit OverheadFacts overhead_facts;

// The drain's, but for what is marked.
class OverheadGuard {
 public:
  struct Settings {
    double share = 0;  // of one core, or of what the process uses; 0: no limit
    double hz = 0;
    uint32_t max_frames = 0;
  };
  OverheadGuard(capture::State* state, capture::SamplingClock* clock, const OwnThreads* threads,
                Settings settings);

  // Each round. Says in one line what it changed.
  void Look();
  // How often Look() wants to be called at least.
  int64_t step_ns() const { return budget_.step_ns(); }

  // CPU time of the host that passed while sampling was paused, in periods.
  uint64_t PausedPeriods(int64_t host_cpu_ns) const;
  // The least that was in force since the last call.
  struct Least {
    uint32_t divisor;     // of the rate: 1, 2, 4, ...
    uint32_t max_frames;  // 0: as asked for
  };
  Least TakeLeast();

  // Any thread, for podo_stats.
  struct Stats {
    std::atomic<double> overhead{0};
    std::atomic<uint32_t> divisor{1};  // 0: paused
    std::atomic<uint32_t> max_frames{0};
    std::atomic<uint64_t> lowered{0};
    std::atomic<uint64_t> pauses{0};
    std::atomic<uint64_t> handler_ns{0};
  };
  const Stats& stats() const { return stats_; }

 private:
  struct Clocks {
    int64_t steady_ns;
    uint64_t cycles;
  };
  static Clocks ReadClocks();
  void Calibrate(const Clocks& now);
  void ReadHandler();
  void Apply(const OverheadBudget::Level& level);
  void Say(const OverheadBudget::Level& level) const;

  capture::State* const state_;
  capture::SamplingClock* const clock_;
  const OwnThreads* const threads_;
  const Settings settings_;
  Clocks begin_;
  double ns_per_cycle_ = 0;
  uint64_t cycles_ = 0;  // of the handler, as last read
  double handler_ns_ = 0;
  OverheadBudget budget_;
  int64_t next_ns_;
  Least least_;
  uint64_t paused_ns_ = 0;               // of pauses that are over
  std::optional<int64_t> paused_at_ns_;  // host CPU time
  Stats stats_;
};

}  // namespace podo

#endif  // PODO_LIB_OVERHEAD_GUARD_H_
