// SPDX-License-Identifier: Apache-2.0
// SIGPROF and ITIMER_PROF: taking them only if nobody else has them, and giving them back.
//
// System calls are made raw, and sigaction through glibc's __sigaction, so that the preload
// library, which watches the host's own calls, never sees podo's.
#ifndef PODO_LIB_CAPTURE_PROFILING_TIMER_H_
#define PODO_LIB_CAPTURE_PROFILING_TIMER_H_

#include <signal.h>
#include <sys/time.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace podo::capture {

// How SIGPROF and ITIMER_PROF are set. The preload library, which watches the host's own calls,
// lends its table (preload/hooks.h); without it they are glibc's __sigaction and raw system calls.
struct SignalCalls {
  int (*sigaction)(int signal, const struct sigaction* action, struct sigaction* old);
  int (*setitimer)(int which, const struct itimerval* timer, struct itimerval* old);
  int (*getitimer)(int which, struct itimerval* timer);
};
// Before anything else here is called.
void UseSignalCalls(const SignalCalls& calls);

// Who holds SIGPROF and ITIMER_PROF now.
enum class SignalOwner { kNobody, kThisPodo, kOtherPodo, kHost };

// Looks, changes nothing. `where` (may be null) gets the file the foreign handler lives in.
SignalOwner FindSignalOwner(std::string* where);

// Ticks per CPU-second the kernel can deliver: CPU timers expire at the scheduler's tick, whose
// length is the resolution of CLOCK_REALTIME_COARSE (250 Hz where CONFIG_HZ=250). Unwinding.md 4.
double KernelTickHz();

// Installs the inert handler (SA_SIGINFO|SA_RESTART|SA_ONSTACK, all signals blocked inside, so that
// no other handler can run on top of it and jump away). It stays for the life of the process.
absl::Status InstallHandler();

// Starts ITIMER_PROF with `period_ns`; the first expiry is `first_ns` (random, so that a fleet does
// not tick in step).
absl::Status ArmTimer(uint64_t period_ns, uint64_t first_ns);

// Stops ITIMER_PROF if its period is still `period_ns`; another period is the host's and is left
// alone. Async-signal-safe.
void DisarmTimer(uint64_t period_ns);

// False if the host replaced the handler or changed the timer behind podo's back.
bool StillOurs(uint64_t period_ns);

// Before exec: disarms, drops a pending SIGPROF (SIG_IGN), then SIG_DFL. Async-signal-safe.
void ReleaseForExec(uint64_t period_ns);
// After a failed exec: handler back, a full period armed. Restoring the remaining time instead
// drifts until sampling stops (process.md). Async-signal-safe.
void RetakeAfterExec(uint64_t period_ns);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_PROFILING_TIMER_H_
