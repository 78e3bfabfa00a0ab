/* SPDX-License-Identifier: Apache-2.0 */
/* The calls by which a host waits for signals.
 *
 * A service whose threads all block signals and which takes them by sigwait on a full set would be
 * handed podo's ticks, and many end on a signal they do not expect. Ticks of podo are swallowed and
 * counted here; a signal that somebody sent is the host's. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>

#include "preload/arbiter.h"
#include "preload/real_calls.h"

#define PODO_WRAPPER __attribute__((visibility("default")))

PODO_WRAPPER int sigwaitinfo(const sigset_t* restrict set, siginfo_t* restrict info) {
  const RealCalls* const real = GetRealCalls();
  siginfo_t own;
  siginfo_t* const got = info != NULL ? info : &own;
  for (;;) {
    const int result = real->sigwaitinfo(set, got);
    if (result <= 0 || !ArbiterSwallowsTick(got)) return result;
  }
}

PODO_WRAPPER int sigwait(const sigset_t* restrict set, int* restrict signal_number) {
  const int saved_errno = errno;
  for (;;) {
    siginfo_t info;
    const int result = sigwaitinfo(set, &info);
    const int error = errno;
    errno = saved_errno; /* sigwait returns its error */
    if (result > 0) {
      *signal_number = result;
      return 0;
    }
    if (error != EINTR) return error; /* as libc's: a handler that ran does not end the wait */
  }
}

static struct timespec Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now;
}

/* `timeout` less the time since `start`, not below zero. */
static struct timespec Remaining(const struct timespec* timeout, const struct timespec* start) {
  const struct timespec now = Now();
  struct timespec left = {timeout->tv_sec - (now.tv_sec - start->tv_sec),
                          timeout->tv_nsec - (now.tv_nsec - start->tv_nsec)};
  for (; left.tv_nsec < 0; --left.tv_sec) left.tv_nsec += 1000000000;
  for (; left.tv_nsec >= 1000000000; ++left.tv_sec) left.tv_nsec -= 1000000000;
  if (left.tv_sec < 0) left = (struct timespec){0, 0};
  return left;
}

PODO_WRAPPER int sigtimedwait(const sigset_t* restrict set, siginfo_t* restrict info,
                              const struct timespec* restrict timeout) {
  const RealCalls* const real = GetRealCalls();
  const struct timespec start = Now();
  siginfo_t own;
  siginfo_t* const got = info != NULL ? info : &own;
  int result = real->sigtimedwait(set, got, timeout);
  while (result > 0 && ArbiterSwallowsTick(got)) {
    struct timespec left = {0, 0};
    if (timeout != NULL) left = Remaining(timeout, &start);
    result = real->sigtimedwait(set, got, timeout != NULL ? &left : NULL);
  }
  return result;
}

/* What is read from the descriptor cannot be filtered, so the set decides: one with SIGKILL in it,
 * which no descriptor can deliver, is a full set and did not mean podo's; any other did. */
PODO_WRAPPER int signalfd(int fd, const sigset_t* set, int flags) {
  const RealCalls* const real = GetRealCalls();
  const int podos = ArbiterSignal();
  if (sigismember(set, podos) != 1) return real->signalfd(fd, set, flags);
  if (sigismember(set, SIGKILL) == 1 && ArbiterMayTick()) {
    sigset_t without = *set;
    sigdelset(&without, podos);
    return real->signalfd(fd, &without, flags);
  }
  ArbiterTakeForGood();
  return real->signalfd(fd, set, flags);
}
