// SPDX-License-Identifier: Apache-2.0
// How much podo may sample, so that its own CPU time stays within PODO_MAX_OVERHEAD.
//
// Pure: time and readings are arguments. docs/budget.md says what is limited and why.
#ifndef PODO_LIB_OVERHEAD_BUDGET_H_
#define PODO_LIB_OVERHEAD_BUDGET_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace podo {

// The window is the last ten minutes. Not to exceed, for the window and each of its ends:
//   own CPU  <=  share x max(CPU of the process, one core for the whole window).
// That it holds for each end is what makes it hold later, when the beginning has left the window.
// Time before the first reading counts as unused.
class OverheadBudget {
 public:
  struct Settings {
    double share = 0;  // 0: no limit, the level stays
    int64_t window_ns = 600'000'000'000;
    uint32_t max_frames = 256;  // as asked for
  };
  // Since the start; none of them ever falls.
  struct Reading {
    int64_t now_ns = 0;
    int64_t ticks_ns = 0;    // of the signal: handler and delivery
    int64_t threads_ns = 0;  // of podo's threads
    int64_t process_ns = 0;  // of the process, podo's threads included
  };
  // From everything asked for down to nothing.
  struct Level {
    uint32_t factor_log2 = 0;  // of the period
    uint32_t max_frames = 0;
    bool paused = false;
    bool operator==(const Level&) const = default;
  };

  static constexpr uint32_t kMaxFactorLog2 = 6;  // 100 Hz becomes 1.6
  static constexpr uint32_t kLeastFrames = 32;   // but not more than asked for

  OverheadBudget(const Settings& settings, const Reading& first);

  // How often Observe() wants to be called: 1 s of ten minutes.
  int64_t step_ns() const { return settings_.window_ns / kSteps; }
  // True if the level changed. A call before the next step is due does nothing.
  bool Observe(const Reading& reading);

  Level level() const { return LevelAt(rung_); }
  // Own CPU of the window over max(process, one core) of it: what the budget limits.
  double overhead() const { return overhead_; }
  uint64_t lowered() const { return lowered_; }  // steps down, pauses included
  uint64_t pauses() const { return pauses_; }

 private:
  static constexpr int64_t kSteps = 600;      // in a window
  static constexpr int64_t kSettleSteps = 5;  // between two steps down: a change must show first
  // How far ahead the cost of ticks is looked at, which lower rates cut, and that of the threads,
  // which comes in bursts (symbols, exports) that are over by themselves.
  static constexpr int64_t kTicksAheadSteps = 120;
  static constexpr int64_t kThreadsAheadSteps = 60;
  static constexpr int64_t kRaiseSteps = 60;  // at least, before a step up; doubled when it flaps
  static constexpr uint32_t kMostRungs = 3;   // at once: a measurement may be a bad moment's
  static constexpr int64_t kRecentSteps = 20;
  static constexpr size_t kBuckets = 120;
  static constexpr int64_t kBucketSteps = kSteps / kBuckets;

  struct Sum {
    double ticks = 0, threads = 0, process = 0;  // ns
    double own() const { return ticks + threads; }
  };
  struct Rates {
    double ticks, threads, process;  // ns per ns
  };

  Level LevelAt(uint32_t rung) const;
  void Put(const Sum& spent, int64_t now_ns);
  Sum Last(int64_t steps) const;
  Rates Mean(int64_t steps) const;
  Rates Recent() const;
  // The least room left in `ahead_ns`, if podo spends `own_ns` until then and the process goes on
  // as it does; of the window then and all its ends.
  double Room(double own_ns, double process_ns, int64_t ahead_ns) const;
  bool MustPause(const Rates& rates, const Sum& spent) const;
  // The least room on the way there at these rates.
  double RoomAhead(const Rates& rates, int64_t steps) const;
  // How far to go down now; 0: not at all.
  uint32_t RungsToGo(const Rates& rates) const;
  bool MayRaise() const;
  void GoTo(uint32_t rung, int64_t now_ns);

  const Settings settings_;
  uint32_t rungs_of_depth_ = 0;
  uint32_t pause_rung_ = 0;
  uint32_t rung_ = 0;
  Reading last_;
  int64_t begin_ns_;
  int64_t changed_ns_;
  int64_t raised_ns_;
  int64_t raise_after_ns_;
  double overhead_ = 0;
  uint64_t lowered_ = 0;
  uint64_t pauses_ = 0;
  // The newest is at newest_; the window is the whole of all of them, so up to a bucket more than
  // it says, on the safe side.
  std::array<Sum, kBuckets + 1> buckets_ = {};
  int64_t newest_bucket_ = 0;  // its number since the first reading
};

}  // namespace podo

#endif  // PODO_LIB_OVERHEAD_BUDGET_H_
