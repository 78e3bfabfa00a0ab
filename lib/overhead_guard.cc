// SPDX-License-Identifier: Apache-2.0
#include "overhead_guard.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/cycle_counter.h"
#include "base/log.h"

namespace podo {
namespace {

constexpr int64_t kCalibrationNs = 20'000;
// Nothing the handler does takes as long; what seems to was preempted.
constexpr double kMostTickNs = 1e6;

// Not what answers cost: others ask for them, and must not decide what is sampled.
int64_t ThreadsNs(const OwnThreads& threads) { return threads.CpuNs(OwnThreads::Work::kProfiling); }

int64_t HostCpuNs(const OwnThreads& threads) { return base::ProcessCpuNs() - threads.CpuNs(); }

}  // namespace

OverheadGuard::Clocks OverheadGuard::ReadClocks() {
  return {base::SteadyClockNs(), base::CycleCount()};
}

OverheadGuard::OverheadGuard(capture::State* state, capture::SamplingClock* clock,
                             const OwnThreads* threads, Settings settings)
    : state_(state),
      clock_(clock),
      threads_(threads),
      settings_(settings),
      begin_(ReadClocks()),
      budget_({settings.share, overhead_facts.window_ns.load(std::memory_order_relaxed),
               settings.max_frames},
              {begin_.steady_ns, 0, ThreadsNs(*threads), base::ProcessCpuNs()}),
      next_ns_(begin_.steady_ns + budget_.step_ns()),
      least_{1, 0} {
  stats_.max_frames.store(settings.max_frames, std::memory_order_relaxed);
  cycles_ = state_->counters.cycles.load(std::memory_order_relaxed);
  Clocks now = begin_;
  while (now.steady_ns - begin_.steady_ns < kCalibrationNs) now = ReadClocks();
  Calibrate(now);
}

void OverheadGuard::Calibrate(const Clocks& now) {
  const auto ns = static_cast<double>(now.steady_ns - begin_.steady_ns);
  // Where there is no counter the handler's own time is not known, only that signals came.
  const auto cycles = static_cast<double>(now.cycles - begin_.cycles);
  ns_per_cycle_ = now.cycles > begin_.cycles && ns > 0 ? ns / cycles : 1;
  const auto in_cycles = [&](double of_ns) { return static_cast<uint64_t>(of_ns / ns_per_cycle_); };
  capture::Throttle& throttle = state_->throttle;
  const auto delivery_ns =
      static_cast<double>(overhead_facts.delivery_ns.load(std::memory_order_relaxed));
  throttle.delivery_cycles.store(in_cycles(delivery_ns), std::memory_order_relaxed);
  throttle.most_cycles.store(in_cycles(kMostTickNs), std::memory_order_relaxed);
}

void OverheadGuard::ReadHandler() {
  const uint64_t cycles = state_->counters.cycles.load(std::memory_order_relaxed);
  handler_ns_ += static_cast<double>(cycles - std::exchange(cycles_, cycles)) * ns_per_cycle_;
  stats_.handler_ns.store(static_cast<uint64_t>(handler_ns_), std::memory_order_relaxed);
}

void OverheadGuard::Look() {
  ReadHandler();
  if (base::SteadyClockNs() < next_ns_) return;
  const Clocks now = ReadClocks();
  next_ns_ = now.steady_ns + budget_.step_ns();
  Calibrate(now);
  const bool changed = budget_.Observe({now.steady_ns, static_cast<int64_t>(handler_ns_),
                                        ThreadsNs(*threads_), base::ProcessCpuNs()});
  stats_.overhead.store(budget_.overhead(), std::memory_order_relaxed);
  if (changed) Apply(budget_.level());
}

void OverheadGuard::Apply(const OverheadBudget::Level& level) {
  const uint32_t divisor = level.paused ? 0 : uint32_t{1} << level.factor_log2;
  const int64_t host_cpu_ns = HostCpuNs(*threads_);
  if (paused_at_ns_) paused_ns_ += static_cast<uint64_t>(host_cpu_ns - *paused_at_ns_);
  paused_at_ns_ = level.paused ? std::optional(host_cpu_ns) : std::nullopt;
  state_->max_frames.store(level.max_frames, std::memory_order_relaxed);
  clock_->SetDivisor(divisor);
  if (!level.paused) {
    least_.divisor = std::max(least_.divisor, divisor);
    if (level.max_frames < settings_.max_frames) {
      least_.max_frames =
          least_.max_frames == 0 ? level.max_frames : std::min(least_.max_frames, level.max_frames);
    }
  }
  stats_.divisor.store(divisor, std::memory_order_relaxed);
  stats_.max_frames.store(level.max_frames, std::memory_order_relaxed);
  stats_.lowered.store(budget_.lowered(), std::memory_order_relaxed);
  stats_.pauses.store(budget_.pauses(), std::memory_order_relaxed);
  Say(level);
}

// On the drain, which does not allocate.
void OverheadGuard::Say(const OverheadBudget::Level& level) const {
  const double hz = settings_.hz / (uint32_t{1} << level.factor_log2);
  std::array<char, 80> now;
  if (level.paused) {
    absl::SNPrintF(now.data(), now.size(), "sampling is paused");
  } else if (level.max_frames < settings_.max_frames) {
    absl::SNPrintF(now.data(), now.size(), "sampling at %.4g Hz, stacks of at most %d frames", hz,
                   level.max_frames);
  } else {
    absl::SNPrintF(now.data(), now.size(), "sampling at %.4g Hz%s", hz,
                   level.factor_log2 == 0 ? " again, as asked for" : "");
  }
  std::array<char, 200> line;
  absl::SNPrintF(line.data(), line.size(),
                 "podo's own CPU time was %.3g %% of %.4g %% allowed (PODO_MAX_OVERHEAD); %s",
                 budget_.overhead() * 100, settings_.share * 100, now.data());
  base::Log(base::LogLevel::kWarning, line.data());
}

uint64_t OverheadGuard::PausedPeriods(int64_t host_cpu_ns) const {
  uint64_t ns = paused_ns_;
  if (paused_at_ns_)
    ns += static_cast<uint64_t>(std::max<int64_t>(host_cpu_ns - *paused_at_ns_, 0));
  return static_cast<uint64_t>(static_cast<double>(ns) * settings_.hz / 1e9);
}

OverheadGuard::Least OverheadGuard::TakeLeast() {
  const uint32_t divisor = stats_.divisor.load(std::memory_order_relaxed);
  const uint32_t frames = stats_.max_frames.load(std::memory_order_relaxed);
  // In a pause neither means anything.
  const bool is_cut = divisor != 0 && frames < settings_.max_frames;
  const Least in_force = {std::max(divisor, uint32_t{1}), is_cut ? frames : 0};
  return std::exchange(least_, in_force);
}

}  // namespace podo
