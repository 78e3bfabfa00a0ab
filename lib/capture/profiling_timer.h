// SPDX-License-Identifier: Apache-2.0
// The signal of ticks and ITIMER_PROF: taking them only if nobody else has them, and giving them
// back.
//
// The signal is SIGPROF, or a real-time one (PODO_SIGNAL). ITIMER_PROF sends SIGPROF and nothing
// else, so with another signal it is none of podo's business: POSIX timers tick then.
//
// System calls are made raw, and sigaction through glibc's __sigaction, so that the preload
// library, which watches the host's own calls, never sees podo's.
#ifndef PODO_LIB_CAPTURE_PROFILING_TIMER_H_
#define PODO_LIB_CAPTURE_PROFILING_TIMER_H_

#include <signal.h>
#include <sys/time.h>

#include <cstdint>
#include <string>

#include "base/status.h"

namespace podo::capture {

// How the signal and ITIMER_PROF are set. The preload library, which watches the host's own calls,
// lends its table (preload/hooks.h); without it they are glibc's __sigaction and raw system calls.
struct SignalCalls {
  int (*sigaction)(int signal, const struct sigaction* action, struct sigaction* old);
  int (*setitimer)(int which, const struct itimerval* timer, struct itimerval* old);
  int (*getitimer)(int which, struct itimerval* timer);
};
// Before anything else here is called.
void UseSignalCalls(const SignalCalls& calls);

// The signal of the run that is about to start, SIGPROF until then, and whether a handler of the
// program's may go on behind podo's (chained_handler.h). Not while a timer is armed.
void UseSignal(int signal, bool may_chain);
// Async-signal-safe, as the next one.
int TickSignal();
// ITIMER_PROF is podo's to use; else it is the program's.
bool OwnsItimer();
// "SIGPROF", "SIGRTMIN+3".
std::string SignalName(int signal);
// What podo wants for itself, in words: the signal and, if that is SIGPROF, ITIMER_PROF.
std::string TickMeans();

// Who holds the signal now and, if that is SIGPROF, ITIMER_PROF.
enum class SignalOwner { kNobody, kThisPodo, kOtherPodo, kHost };

// Looks, changes nothing. `where` gets the file the foreign handler lives in, `why_unchained` why
// it cannot go on behind podo's, if it may. Another copy of podo is found by whatever signal it
// ticks.
SignalOwner FindSignalOwner(std::string* where, std::string* why_unchained);

// Ticks per CPU-second the kernel can deliver: CPU timers expire at the scheduler's tick, whose
// length is the resolution of CLOCK_REALTIME_COARSE (250 Hz where CONFIG_HZ=250). Unwinding.md 4.
double KernelTickHz();

// Installs the inert handler (SA_SIGINFO|SA_RESTART|SA_ONSTACK, all signals blocked inside, so that
// no other handler can run on top of it and jump away). It stays for the life of the process.
base::Status InstallHandler();
// The program replaced the handler: puts podo's back, once more for the program to replace. False
// if it took ITIMER_PROF, too, or that cannot be done.
bool TakeHandlerBack(uint64_t period_ns);
// Undoes the InstallHandler() before it, if that put podo's handler where another disposition was.
// Only while no timer of podo was ever armed under it: a pending SIGPROF would end the process.
void RemoveHandler();

// Starts ITIMER_PROF with `period_ns`; the first expiry is `first_ns` (random, so that a fleet does
// not tick in step).
base::Status ArmTimer(uint64_t period_ns, uint64_t first_ns);

// Stops ITIMER_PROF if its period is still `period_ns`; another period is the host's and is left
// alone, and so is any if that is 0. Async-signal-safe.
void DisarmTimer(uint64_t period_ns);

// False if the host replaced the handler or, with SIGPROF, changed the timer behind podo's back.
bool StillOurs(uint64_t period_ns);

// Before exec: disarms, drops a pending signal (SIG_IGN), then SIG_DFL. Async-signal-safe.
void ReleaseForExec(uint64_t period_ns);
// After a failed exec: handler back, a full period armed. Restoring the remaining time instead
// drifts until sampling stops (process.md). Async-signal-safe.
void RetakeAfterExec(uint64_t period_ns);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_PROFILING_TIMER_H_
