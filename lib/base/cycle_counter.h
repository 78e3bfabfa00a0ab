// SPDX-License-Identifier: Apache-2.0
// A counter that runs at one speed whatever the core does: by it the signal handler measures
// itself, where no call may be made. Its speed is found out beside a clock.
#ifndef PODO_LIB_BASE_CYCLE_COUNTER_H_
#define PODO_LIB_BASE_CYCLE_COUNTER_H_

#include <cstdint>

namespace podo::base {

// 0 always where there is none. Of another core it may be behind.
inline uint64_t CycleCount() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t count;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
  return 0;
#endif
}

}  // namespace podo::base

#endif  // PODO_LIB_BASE_CYCLE_COUNTER_H_
