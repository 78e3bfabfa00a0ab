// SPDX-License-Identifier: Apache-2.0
// PODO_CLOCK=perf: a task clock of perf_event_open(2) for each thread, which sends SIGPROF by its
// descriptor (F_SETSIG).
//
// It has high-resolution timers below it, so that rates above the kernel's tick are real. It costs
// a descriptor a thread, and its signals, unlike those of POSIX timers, stay pending over exec.
#ifndef PODO_LIB_CAPTURE_PERF_EVENTS_H_
#define PODO_LIB_CAPTURE_PERF_EVENTS_H_

#include <cstdint>
#include <string>

#include "capture/thread_timers.h"

namespace podo::capture {

// What the kernel allows this process (kernel.perf_event_paranoid, capabilities, seccomp).
struct PerfAccess {
  bool any = false;          // events on its own threads
  bool kernel_time = false;  // those count time in the kernel too
  std::string why_not;       // what perf_event_open said, with what decides it
};
// Opens an event on the calling thread and closes it.
PerfAccess TryPerfEvents();

// The calls of ThreadTimers; with `kernel_time` as PerfAccess says.
const TimerCalls& PerfTimerCalls(bool kernel_time);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_PERF_EVENTS_H_
