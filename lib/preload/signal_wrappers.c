/* SPDX-License-Identifier: Apache-2.0 */
/* The calls by which a host takes or looks at the signal of ticks and ITIMER_PROF.
 *
 * Any call that sets either is a take: podo goes first, then the call passes through. Also SIG_DFL
 * and a zero timer: they change nothing for a program that never used them, but then podo would
 * have to pretend, and a program that disarms before a raw execve must find the timer disarmed.
 * Queries see what there would be without podo. glibc's __sigaction is left alone: by it another
 * copy of podo, linked statically into the program, finds that this one is there. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>

#include "preload/arbiter.h"
#include "preload/real_calls.h"

#define PODO_WRAPPER __attribute__((visibility("default")))

static int SetAction(int signal_number, const struct sigaction* action, struct sigaction* old) {
  const RealCalls* const real = GetRealCalls();
  if (signal_number != ArbiterSignal()) return real->sigaction(signal_number, action, old);
  if (action == NULL) {
    const int result = real->sigaction(signal_number, NULL, old);
    if (result == 0 && old != NULL) ArbiterHideAction(old);
    return result;
  }
  const HostTake take = ArbiterBeginHostTake();
  const int result = real->sigaction(signal_number, action, old);
  ArbiterEndHostTake(&take);
  return result;
}

static SignalHandler SetHandler(SignalCall* real_call, int signal_number, SignalHandler handler) {
  if (signal_number != ArbiterSignal()) return real_call(signal_number, handler);
  const HostTake take = ArbiterBeginHostTake();
  const SignalHandler old = real_call(signal_number, handler);
  ArbiterEndHostTake(&take);
  return old;
}

/* glibc declares these with attributes and parameter names that differ by feature macros; the
 * types are the same. */
PODO_WRAPPER int sigaction(int signal_number, const struct sigaction* action,
                           struct sigaction* old) {
  return SetAction(signal_number, action, old);
}

PODO_WRAPPER SignalHandler signal(int signal_number, SignalHandler handler) {
  return SetHandler(GetRealCalls()->signal, signal_number, handler);
}

SignalHandler bsd_signal(int signal_number, SignalHandler handler);
PODO_WRAPPER SignalHandler bsd_signal(int signal_number, SignalHandler handler) {
  return SetHandler(GetRealCalls()->signal, signal_number, handler);
}

PODO_WRAPPER SignalHandler ssignal(int signal_number, SignalHandler handler) {
  return SetHandler(GetRealCalls()->signal, signal_number, handler);
}

PODO_WRAPPER SignalHandler sysv_signal(int signal_number, SignalHandler handler) {
  return SetHandler(GetRealCalls()->sysv_signal, signal_number, handler);
}

SignalHandler __sysv_signal(int signal_number, SignalHandler handler);
PODO_WRAPPER SignalHandler __sysv_signal(int signal_number, SignalHandler handler) {
  return SetHandler(GetRealCalls()->sysv_signal, signal_number, handler);
}

/* Changes the signal mask as well (SIG_HOLD), which the scope of a take would undo. */
PODO_WRAPPER SignalHandler sigset(int signal_number, SignalHandler handler) {
  if (signal_number == ArbiterSignal()) ArbiterTakeForGood();
  return GetRealCalls()->sigset(signal_number, handler);
}

PODO_WRAPPER int sigignore(int signal_number) {
  const RealCalls* const real = GetRealCalls();
  if (signal_number != ArbiterSignal()) return real->sigignore(signal_number);
  const HostTake take = ArbiterBeginHostTake();
  const int result = real->sigignore(signal_number);
  ArbiterEndHostTake(&take);
  return result;
}

/* Would take SA_RESTART off podo's handler, and then ticks would interrupt the host's calls. */
PODO_WRAPPER int siginterrupt(int signal_number, int interrupt) {
  const RealCalls* const real = GetRealCalls();
  if (signal_number != ArbiterSignal()) return real->siginterrupt(signal_number, interrupt);
  const HostTake take = ArbiterBeginHostTake();
  const int result = real->siginterrupt(signal_number, interrupt);
  ArbiterEndHostTake(&take);
  return result;
}

PODO_WRAPPER int setitimer(__itimer_which_t which, const struct itimerval* timer,
                           struct itimerval* old) {
  const RealCalls* const real = GetRealCalls();
  if ((int)which != ITIMER_PROF || !ArbiterMindsTimer())
    return real->setitimer((int)which, timer, old);
  const HostTake take = ArbiterBeginHostTake();
  const int result = real->setitimer((int)which, timer, old);
  ArbiterEndHostTake(&take);
  return result;
}

PODO_WRAPPER int getitimer(__itimer_which_t which, struct itimerval* timer) {
  const int result = GetRealCalls()->getitimer((int)which, timer);
  if (result == 0 && (int)which == ITIMER_PROF && ArbiterOwnsTimer()) {
    memset(timer, 0, sizeof *timer);
  }
  return result;
}
