// SPDX-License-Identifier: Apache-2.0
// How fast the clock ticks, where PODO_MAX_OVERHEAD wants less than was asked for.
#include <atomic>
#include <cstdint>

#include "capture/profiling_timer.h"
#include "capture/sampling_clock.h"

namespace podo::capture {

void SamplingClock::SetDivisor(uint32_t divisor) {
  // Not disarmed, which would look like a timer whose thread is gone.
  constexpr uint64_t kNeverNs = 1'000'000'000'000'000;
  paused_ = divisor == 0;
  timer_period_ns_.store(paused_ ? kNeverNs : period_ns_ * divisor, std::memory_order_relaxed);
  state_->throttle.paused.store(paused_, std::memory_order_relaxed);
  if (!paused_) state_->throttle.left_out.store(divisor - 1, std::memory_order_relaxed);
  const uint64_t now_ns = timer_period_ns_.load(std::memory_order_relaxed);
  const auto first_ns = [this, now_ns] { return paused_ ? now_ns : RandomPhase(); };
  // What is deleted meanwhile refuses to be set.
  if (timers_ != nullptr) timers_->SetPeriod(now_ns, first_ns);
  const int timer = process_timer_.load(std::memory_order_seq_cst);
  if (timer != -1) SetCpuTimer(timer, now_ns, first_ns());
  paused_ ? PauseItimer() : ResumeItimer();
}

void SamplingClock::PauseItimer() {
  const uint64_t period_ns = itimer_period_ns_.load(std::memory_order_relaxed);
  if (period_ns == 0) return;
  paused_itimer_ns_ = period_ns;
  DisarmTimer(period_ns);
  itimer_period_ns_.store(0, std::memory_order_relaxed);
}

// An exec must not find it armed: else Follow() asks again.
void SamplingClock::ResumeItimer() {
  if (paused_itimer_ns_ == 0 || state_->armed.load(std::memory_order_seq_cst) == 0) return;
  if (given_up_.load(std::memory_order_seq_cst) || InExec()) return;
  if (ArmItimer(1 + period_ns_ / 2).ok()) paused_itimer_ns_ = 0;
}

}  // namespace podo::capture
