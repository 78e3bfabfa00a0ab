// SPDX-License-Identifier: Apache-2.0
#include "clock_choice.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "capture/perf_events.h"
#include "capture/profiling_timer.h"

namespace podo {
namespace {

capture::ClockKind KindOf(Clock clock) {
  switch (clock) {
    case Clock::kItimer:
      return capture::ClockKind::kItimer;
    case Clock::kThread:
      return capture::ClockKind::kThread;
    case Clock::kAuto:
      return capture::ClockKind::kAuto;
    case Clock::kPerf:
      return capture::ClockKind::kPerf;
    case Clock::kProcess:
      return capture::ClockKind::kProcess;
  }
  return capture::ClockKind::kAuto;
}

// Distributions forbid perf_event_open to the unprivileged, and so does Docker's seccomp profile.
capture::ClockKind PerfOrNot() {
  const capture::PerfAccess access = capture::TryPerfEvents();
  if (!access.any) {
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("PODO_CLOCK=perf: ", access.why_not,
                           " (kernel.perf_event_paranoid, CAP_PERFMON, seccomp); using auto"));
    return capture::ClockKind::kAuto;
  }
  if (!access.kernel_time) {
    base::Log(
        base::LogLevel::kWarning,
        "PODO_CLOCK=perf: time in the kernel is not sampled (kernel.perf_event_paranoid above "
        "1, without CAP_PERFMON)");
  }
  return capture::ClockKind::kPerf;
}

}  // namespace

ClockChoice ChooseClock(const Config& config) {
  capture::ClockKind kind = KindOf(config.clock.value);
  if (kind == capture::ClockKind::kPerf) kind = PerfOrNot();
  const double tick_hz = capture::KernelTickHz();
  double hz = config.sample_hz.value;
  // Other clocks are looked at once a tick of the kernel: they would give no more samples, only
  // ones that stand for several periods.
  if (hz > tick_hz && kind != capture::ClockKind::kPerf) {
    base::Log(base::LogLevel::kWarning,
              absl::StrCat("PODO_SAMPLE_HZ=", hz, " is above the kernel's tick; delivering ",
                           tick_hz, " samples per CPU-second"));
    hz = tick_hz;
  }
  // In whole microseconds, as setitimer keeps it, and an odd number of them: by its period podo's
  // timer is told from one that the host set, and round periods are what others use.
  const uint64_t period_us = static_cast<uint64_t>(1e6 / hz);
  return {kind, hz, (period_us - (period_us % 2 == 0 ? 1 : 0)) * 1000};
}

}  // namespace podo
