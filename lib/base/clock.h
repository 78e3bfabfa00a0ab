// SPDX-License-Identifier: Apache-2.0
// The three clocks podo reads, as nanoseconds.
#ifndef PODO_LIB_BASE_CLOCK_H_
#define PODO_LIB_BASE_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace podo::base {

inline int64_t ReadClockNs(clockid_t id) {
  timespec t = {};
  clock_gettime(id, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}
inline int64_t WallClockNs() { return ReadClockNs(CLOCK_REALTIME); }
inline int64_t SteadyClockNs() { return ReadClockNs(CLOCK_MONOTONIC); }
inline int64_t ProcessCpuNs() { return ReadClockNs(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace podo::base

#endif  // PODO_LIB_BASE_CLOCK_H_
