// SPDX-License-Identifier: Apache-2.0
#include "overhead_budget.h"

#include <algorithm>

namespace podo {
namespace {

// Parts of the budget: from here on podo goes down, and stops. What is left is for what the threads
// do for the rest of the window without a tick: wake, close windows, export.
constexpr double kLowerAt = 0.92;
constexpr double kPauseAt = 0.95;
// A rate that would use more of what may be used for good is not gone back to.
constexpr double kRaiseBelow = 0.8;

}  // namespace

OverheadBudget::OverheadBudget(const Settings& settings, const Reading& first)
    : settings_(settings),
      last_(first),
      begin_ns_(first.now_ns),
      changed_ns_(first.now_ns),
      raised_ns_(first.now_ns - settings.window_ns),
      raise_after_ns_(kRaiseSteps * step_ns()) {
  for (uint32_t frames = settings.max_frames; frames > kLeastFrames; frames /= 2) ++rungs_of_depth_;
  pause_rung_ = kMaxFactorLog2 + rungs_of_depth_ + 1;
}

OverheadBudget::Level OverheadBudget::LevelAt(uint32_t rung) const {
  Level level;
  level.factor_log2 = std::min(rung, kMaxFactorLog2);
  level.paused = rung == pause_rung_;
  const uint32_t halvings = std::min(rung - level.factor_log2, rungs_of_depth_);
  level.max_frames = settings_.max_frames >> halvings;
  if (halvings > 0) level.max_frames = std::max(level.max_frames, kLeastFrames);
  return level;
}

void OverheadBudget::Put(const Sum& spent, int64_t now_ns) {
  const int64_t bucket_ns = kBucketSteps * step_ns();
  const int64_t bucket = (now_ns - begin_ns_) / bucket_ns;
  const int64_t new_ones = std::min<int64_t>(bucket - newest_bucket_, buckets_.size());
  for (int64_t i = 0; i < new_ones; ++i) {
    buckets_[static_cast<size_t>(bucket - i) % buckets_.size()] = {};
  }
  newest_bucket_ = bucket;
  Sum& newest = buckets_[static_cast<size_t>(bucket) % buckets_.size()];
  newest.ticks += spent.ticks;
  newest.threads += spent.threads;
  newest.process += spent.process;
}

OverheadBudget::Sum OverheadBudget::Last(int64_t steps) const {
  Sum sum;
  for (int64_t i = 0; i < std::max<int64_t>(steps / kBucketSteps, 1); ++i) {
    if (i > newest_bucket_) break;
    const Sum& b = buckets_[static_cast<size_t>(newest_bucket_ - i) % buckets_.size()];
    sum.ticks += b.ticks;
    sum.threads += b.threads;
    sum.process += b.process;
  }
  return sum;
}

double OverheadBudget::Room(double own_ns, double process_ns, int64_t ahead_ns) const {
  const double one_core_ns = static_cast<double>(settings_.window_ns);
  const int64_t bucket_ns = kBucketSteps * step_ns();
  const int64_t count = static_cast<int64_t>(buckets_.size()) - ahead_ns / bucket_ns;
  double room = settings_.share * std::max(one_core_ns, process_ns) - own_ns;
  for (int64_t i = 0; i < count && i <= newest_bucket_; ++i) {
    const Sum& b = buckets_[static_cast<size_t>(newest_bucket_ - i) % buckets_.size()];
    own_ns += b.own();
    process_ns += b.process;
    room = std::min(room, settings_.share * std::max(one_core_ns, process_ns) - own_ns);
  }
  return room;
}

OverheadBudget::Rates OverheadBudget::Mean(int64_t steps) const {
  const int64_t into_bucket = (last_.now_ns - begin_ns_) / step_ns() % kBucketSteps;
  const int64_t buckets = std::max(steps / kBucketSteps, int64_t{1});
  const int64_t length = (buckets - 1) * kBucketSteps + into_bucket + 1;
  const Sum sum = Last(buckets * kBucketSteps);
  const double ns = static_cast<double>(length) * static_cast<double>(step_ns());
  return {sum.ticks / ns, sum.threads / ns, sum.process / ns};
}

OverheadBudget::Rates OverheadBudget::Recent() const {
  // Ticks: since the last change, as that is what the change was for.
  const int64_t settled = (last_.now_ns - changed_ns_) / step_ns();
  Rates rates = Mean(kRecentSteps);
  rates.ticks = Mean(std::clamp(settled, kBucketSteps, kRecentSteps)).ticks;
  // A burst is recent and not lasting, its aftermath lasting and not recent.
  rates.threads = std::min(rates.threads, Mean(kTicksAheadSteps).threads);
  return rates;
}

bool OverheadBudget::MustPause(const Rates& rates, const Sum& spent) const {
  const auto step = static_cast<double>(step_ns());
  const double budget = settings_.share * static_cast<double>(settings_.window_ns);
  const double own_ns = std::max((rates.ticks + rates.threads) * step, spent.own());
  return Room(own_ns, rates.process * step, 0) < (1 - kPauseAt) * budget;
}

double OverheadBudget::RoomAhead(const Rates& rates, int64_t steps) const {
  constexpr int64_t kLooks = 4;  // what leaves the window only later is not room before
  const int64_t threads_ns = kThreadsAheadSteps * step_ns();
  double room = Room(0, 0, 0);
  for (int64_t look = 1; look <= kLooks; ++look) {
    const int64_t ahead_ns = steps * look / kLooks * step_ns();
    const auto ahead = static_cast<double>(ahead_ns);
    const double own_ns =
        rates.ticks * ahead + rates.threads * static_cast<double>(std::min(ahead_ns, threads_ns));
    room = std::min(room, Room(own_ns, rates.process * ahead, ahead_ns));
  }
  return room;
}

uint32_t OverheadBudget::RungsToGo(const Rates& rates) const {
  const double least = (1 - kLowerAt) * settings_.share * static_cast<double>(settings_.window_ns);
  const int64_t settled = (last_.now_ns - changed_ns_) / step_ns();
  if (settled < kSettleSteps && RoomAhead(rates, 2 * kSettleSteps) >= least) return 0;
  Rates then = rates;
  for (uint32_t rungs = 0; rungs < kMostRungs; ++rungs) {
    if (RoomAhead(then, kTicksAheadSteps) >= least) return rungs;
    then.ticks /= 2;
  }
  return kMostRungs;
}

bool OverheadBudget::MayRaise() const {
  // Longer than for the way down: a load that pauses for a moment is not over.
  const int64_t settled = (last_.now_ns - changed_ns_) / step_ns();
  Rates rates = Mean(std::min(settled, kTicksAheadSteps));
  // Twice as many ticks are twice as much work for the threads at most. What comes after a pause
  // is not known: half the budget must have come back.
  rates.ticks *= 2;
  rates.threads *= 2;
  const double lasting = settings_.share * std::max(1.0, rates.process);
  if (rates.ticks + rates.threads > lasting * kRaiseBelow) return false;
  const double least = rung_ == pause_rung_ ? 0.5 : 2 * (1 - kLowerAt);
  return RoomAhead(rates, kTicksAheadSteps) >=
         least * settings_.share * static_cast<double>(settings_.window_ns);
}

void OverheadBudget::GoTo(uint32_t rung, int64_t now_ns) {
  const int64_t least_ns = kRaiseSteps * step_ns();
  if (rung > rung_) {
    ++lowered_;
    if (rung == pause_rung_) ++pauses_;
    // Down again soon after it went up: the next attempt waits longer.
    if (now_ns - raised_ns_ < 2 * raise_after_ns_) {
      raise_after_ns_ = std::min(2 * raise_after_ns_, settings_.window_ns);
      raised_ns_ = now_ns - settings_.window_ns * 2;  // one fall, one doubling
    }
  } else {
    if (now_ns - changed_ns_ > settings_.window_ns) raise_after_ns_ = least_ns;
    raised_ns_ = now_ns;
  }
  rung_ = rung;
  changed_ns_ = now_ns;
}

bool OverheadBudget::Observe(const Reading& reading) {
  if (settings_.share <= 0 || reading.now_ns - last_.now_ns < step_ns()) return false;
  const Sum spent = {
      static_cast<double>(std::max<int64_t>(reading.ticks_ns - last_.ticks_ns, 0)),
      static_cast<double>(std::max<int64_t>(reading.threads_ns - last_.threads_ns, 0)),
      static_cast<double>(std::max<int64_t>(reading.process_ns - last_.process_ns, 0))};
  last_ = reading;
  Put(spent, reading.now_ns);
  const Sum all = Last(kSteps + kBucketSteps);
  overhead_ = all.own() / std::max(static_cast<double>(settings_.window_ns), all.process);
  const Rates rates = Recent();
  const int64_t since_ns = reading.now_ns - changed_ns_;
  if (rung_ != pause_rung_ && MustPause(rates, spent)) {
    GoTo(pause_rung_, reading.now_ns);
    return true;
  }
  if (rung_ + 1 < pause_rung_) {
    if (const uint32_t rungs = RungsToGo(rates); rungs > 0) {
      GoTo(std::min(rung_ + rungs, pause_rung_ - 1), reading.now_ns);
      return true;
    }
  }
  if (rung_ > 0 && since_ns >= raise_after_ns_ && MayRaise()) {
    GoTo(rung_ - 1, reading.now_ns);
    return true;
  }
  return false;
}

}  // namespace podo
