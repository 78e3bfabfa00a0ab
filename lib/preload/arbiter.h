/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns the signal of ticks and ITIMER_PROF: podo until the host takes either, the host ever
 * after. The signal is SIGPROF unless PODO_SIGNAL says otherwise; then ITIMER_PROF is the host's.
 *
 * All functions are async-signal-safe, allocate nothing and keep errno where they return nothing.
 * A vfork child shares this memory but has dispositions of its own and no timer: it is known by its
 * process id, takes no lock and writes nothing here. */
#ifndef PODO_LIB_PRELOAD_ARBITER_H_
#define PODO_LIB_PRELOAD_ARBITER_H_

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>

/* Before all else: the signal. The engine may choose another one when it installs its handler. */
void ArbiterUseSignal(int signal_number);
int ArbiterSignal(void);
/* The interval timer that sends the signal: only SIGPROF has one. */
bool ArbiterMindsTimer(void);
/* Makes this process the one that podo profiles; before that every function here does nothing. */
void ArbiterStart(void);
/* False in its children, vfork children included. One system call. */
bool ArbiterIsOwner(void);
/* What the engine is told and asked; see hooks.h. */
typedef struct ArbiterHooks {
  void (*taken)(void);
  void (*execs)(int begins);
  int (*is_tick)(const siginfo_t* info);
} ArbiterHooks;
/* `hooks` lives as long as the process. */
void ArbiterSetHooks(const ArbiterHooks* hooks);
/* In a fork child: its own process, no timer, no thread that could hold the lock. */
void ArbiterAfterForkInChild(void);

/* The engine's way to the signal and the timer (contract in hooks.h). */
int ArbiterSigaction(int signal_number, const struct sigaction* action, struct sigaction* old);
int ArbiterSetitimer(int which, const struct itimerval* timer, struct itimerval* old);
int ArbiterGetitimer(int which, struct itimerval* timer);

/* The scope of a host call that sets the signal's disposition or its timer. */
typedef struct HostTake {
  sigset_t mask;
  bool locked;
} HostTake;
/* Puts back what was there before podo and, in the profiled process, keeps podo from the signal
 * until the call is made. The host's call in between passes through unchanged. */
HostTake ArbiterBeginHostTake(void);
void ArbiterEndHostTake(const HostTake* take);
/* For a call that changes the signal mask and so cannot run in the scope above: podo is off from
 * here on, whether it had started or not. */
void ArbiterTakeForGood(void);

/* What the host shall see of the signal: podo's disposition is shown as the one podo found. */
void ArbiterHideAction(struct sigaction* action);
/* True if ITIMER_PROF is podo's in this process, so that the host shall see an unarmed timer. */
bool ArbiterOwnsTimer(void);

/* True if the signal may come from podo in this process, now or later. */
bool ArbiterMayTick(void);
/* True if a signal that the host waited for is a tick of podo; counts it. */
bool ArbiterSwallowsTick(const siginfo_t* info);
uint64_t ArbiterSwallowedTicks(void);

/* Right before a real exec: ITIMER_PROF and a pending signal survive exec and would kill the new
 * program. */
typedef struct ExecScope {
  bool counted;  /* this process is the profiled one and knows that an exec is under way */
  bool replaced; /* in a child: its disposition was podo's */
} ExecScope;
ExecScope ArbiterBeginExec(void);
/* Puts podo back after a failed exec. Keeps errno. */
void ArbiterExecFailed(const ExecScope* scope);

#endif /* PODO_LIB_PRELOAD_ARBITER_H_ */
