// SPDX-License-Identifier: Apache-2.0
// The clocks and counters of one window: what turns ticks into CPU time.
#ifndef PODO_LIB_MODEL_WINDOW_H_
#define PODO_LIB_MODEL_WINDOW_H_

#include <cstdint>

namespace podo::model {

// Differences over the window, begin times apart.
struct WindowTotals {
  uint64_t sequence = 0;  // 0, 1, 2, ... since Start
  int64_t begin_wall_ns = 0;
  int64_t duration_ns = 0;  // steady clock
  int64_t process_cpu_ns = 0;
  int64_t own_cpu_ns = 0;  // of podo's threads
  uint64_t ticks = 0;      // handled, own and foreign ones included
  uint64_t own_ticks = 0;  // of podo's own CPU time, as far as they can be told apart
  uint64_t foreign_ticks = 0;
  uint64_t ring_full = 0;
  uint64_t no_ring = 0;
  uint64_t nested = 0;
  uint64_t small_stack = 0;
  uint64_t paused = 0;
  // CPU time of the host that no tick stands for, in periods. Known where threads are measured one
  // by one (PODO_CLOCK): a thread that blocks the signal, or lived too short to be found.
  uint64_t unsampled = 0;
  // CPU time of the host while sampling was paused for PODO_MAX_OVERHEAD, in periods.
  uint64_t over_budget = 0;
  // The least that PODO_MAX_OVERHEAD left: ticks stood for up to so many periods; stacks were cut
  // at so many frames, 0: as asked for.
  uint32_t rate_divisor = 1;
  uint32_t frames_left = 0;
  double nominal_hz = 0;
  // What interrupted system calls (kRawMaybeAsleep) stand for in this window.
  enum class Doubtful {
    kHost,      // nothing else explains them: the interrupted thread's own time
    kBlocking,  // a thread of the host that blocks the signal used CPU
    kOwn,       // podo's threads, which block it too, used CPU
  } doubtful = Doubtful::kHost;

  // Ticks that stand for CPU time of the host.
  uint64_t HostTicks() const { return ticks - own_ticks - foreign_ticks; }
  // Measured CPU time a tick stands for; the nominal period if nothing was ticked.
  int64_t PeriodNs() const {
    const uint64_t periods = HostTicks() + unsampled;
    if (periods == 0) return nominal_hz > 0 ? static_cast<int64_t>(1e9 / nominal_hz) : 0;
    const int64_t host_cpu_ns = process_cpu_ns - own_cpu_ns;
    return host_cpu_ns > 0 ? host_cpu_ns / static_cast<int64_t>(periods) : 0;
  }
  // Accounted CPU over real CPU of the host, unscaled: 1 means every CPU second was ticked for.
  double SamplingRatio() const {
    const int64_t host_cpu_ns = process_cpu_ns - own_cpu_ns;
    if (host_cpu_ns <= 0 || nominal_hz <= 0) return 0;
    return static_cast<double>(HostTicks()) * (1e9 / nominal_hz) / static_cast<double>(host_cpu_ns);
  }
};

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_WINDOW_H_
