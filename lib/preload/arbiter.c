/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/arbiter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "preload/futex.h"
#include "preload/real_calls.h"

/* Constant-initialised: wrappers run before this library's constructor. */
static atomic_int g_owner; /* process id of the profiled process; 0: none */
static atomic_int g_lock;
/* Relaxed: set before main, and under the lock before the handler is first installed. */
static atomic_int g_signal = SIGPROF;
/* podo's handler; 0 until the engine first installs it, then fixed. Release after g_host_action and
 * g_podo_action are written, acquire by those who read them without the lock. */
static atomic_uintptr_t g_handler;
static struct sigaction g_podo_action;
static struct sigaction g_host_action; /* what podo found: SIG_DFL or an inherited SIG_IGN */
/* Written under the lock; also read without it by ArbiterOwnsTimer, hence atomic. */
static atomic_bool g_armed;
static atomic_bool g_taken;
static struct itimerval g_period; /* what the engine armed, while g_armed */
static bool g_installed;          /* the engine wants its handler in place (inert ones too) */
static int g_execs;               /* threads of this process inside exec* */
/* Release by the one call that sets it, acquire by those who read it without the lock. */
static _Atomic(const ArbiterHooks*) g_hooks;
static _Atomic uint64_t g_swallowed; /* a count, orders nothing */

/* getpid of libc is this system call; it keeps no cache a vfork child could inherit. */
bool ArbiterIsOwner(void) {
  const int owner = atomic_load_explicit(&g_owner, memory_order_relaxed);
  return owner != 0 && owner == (int)getpid();
}

void ArbiterUseSignal(int signal_number) {
  atomic_store_explicit(&g_signal, signal_number, memory_order_relaxed);
}

int ArbiterSignal(void) { return atomic_load_explicit(&g_signal, memory_order_relaxed); }

bool ArbiterMindsTimer(void) { return ArbiterSignal() == SIGPROF; }

static sigset_t Lock(void) { return FutexLock(&g_lock); }

static void Unlock(const sigset_t* mask) { FutexUnlock(&g_lock, mask); }

/* The handler and sa_sigaction share storage in Linux's struct sigaction. */
static uintptr_t HandlerOf(const struct sigaction* action) { return (uintptr_t)action->sa_handler; }

static bool IsPodos(const struct sigaction* action) {
  const uintptr_t handler = atomic_load_explicit(&g_handler, memory_order_acquire);
  return handler != 0 && HandlerOf(action) == handler;
}

static bool IsFunction(const struct sigaction* action) {
  return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static bool IsSet(const struct itimerval* timer) {
  return timer != NULL && (timer->it_value.tv_sec != 0 || timer->it_value.tv_usec != 0);
}

static void Disarm(void) {
  const struct itimerval zero = {{0, 0}, {0, 0}};
  GetRealCalls()->setitimer(ITIMER_PROF, &zero, NULL);
}

/* SIG_IGN throws away all that is pending of the signal for the process or any thread; then it is
 * as `then` says. ITIMER_PROF must be off already. True if the disposition was podo's. */
static bool DropPendingThen(const struct sigaction* then) {
  const RealCalls* const real = GetRealCalls();
  struct sigaction action;
  if (real->sigaction(ArbiterSignal(), NULL, &action) != 0 || !IsPodos(&action)) return false;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_IGN;
  real->sigaction(ArbiterSignal(), &action, NULL);
  real->sigaction(ArbiterSignal(), then, NULL);
  return true;
}

static bool DropPending(void) { return DropPendingThen(&g_host_action); }

void ArbiterStart(void) { atomic_store_explicit(&g_owner, (int)getpid(), memory_order_relaxed); }

static const ArbiterHooks* Hooks(void) {
  return atomic_load_explicit(&g_hooks, memory_order_acquire);
}

void ArbiterSetHooks(const ArbiterHooks* hooks) {
  const sigset_t mask = Lock();
  atomic_store_explicit(&g_hooks, hooks, memory_order_release);
  if (g_execs != 0) hooks->execs(1);
  Unlock(&mask);
}

void ArbiterAfterForkInChild(void) {
  atomic_store(&g_lock, 0);
  atomic_store_explicit(&g_armed, false, memory_order_relaxed);
  g_execs = 0;
  ArbiterStart();
}

/* The lock is held. */
static int InstallLocked(int signal_number, const struct sigaction* action, struct sigaction* old) {
  const RealCalls* const real = GetRealCalls();
  struct sigaction found;
  if (real->sigaction(signal_number, NULL, &found) != 0) return -1;
  if (!IsPodos(&found)) {
    if (IsFunction(&found)) {
      errno = EBUSY;
      return -1;
    }
    g_host_action = found;
  }
  g_podo_action = *action;
  ArbiterUseSignal(signal_number);
  /* Before the call, so that no query of the host ever sees podo's handler unrecognised. */
  atomic_store_explicit(&g_handler, HandlerOf(action), memory_order_release);
  g_installed = true;
  return real->sigaction(signal_number, action, old);
}

/* The lock is held. True while podo stands back for an exec of this process: to the engine, which
 * looks whether the host has taken its signal, all is as it left it. */
static bool StandsBackLocked(void) {
  return g_execs != 0 && !atomic_load_explicit(&g_taken, memory_order_relaxed);
}

static int QueryAction(struct sigaction* old) {
  const sigset_t mask = Lock();
  int result = 0;
  if (old != NULL && g_installed && StandsBackLocked()) {
    *old = g_podo_action;
  } else {
    result = GetRealCalls()->sigaction(ArbiterSignal(), NULL, old);
  }
  Unlock(&mask);
  return result;
}

int ArbiterSigaction(int signal_number, const struct sigaction* action, struct sigaction* old) {
  const RealCalls* const real = GetRealCalls();
  if (!ArbiterIsOwner()) return real->sigaction(signal_number, action, old);
  if (action == NULL) {
    if (signal_number != ArbiterSignal()) return real->sigaction(signal_number, NULL, old);
    return QueryAction(old);
  }
  const sigset_t mask = Lock();
  int result = -1;
  if (atomic_load_explicit(&g_taken, memory_order_relaxed)) {
    errno = EBUSY;
  } else if (IsFunction(action)) {
    result = InstallLocked(signal_number, action, old);
  } else {
    g_installed = false;
    result = real->sigaction(signal_number, action, old);
  }
  Unlock(&mask);
  return result;
}

/* The lock is held. */
static int ArmLocked(const struct itimerval* timer, struct itimerval* old) {
  const RealCalls* const real = GetRealCalls();
  struct itimerval found;
  if (real->getitimer(ITIMER_PROF, &found) != 0) return -1;
  const bool armed = atomic_load_explicit(&g_armed, memory_order_relaxed);
  const bool hosts = !armed && IsSet(&found);
  if (hosts || atomic_load_explicit(&g_taken, memory_order_relaxed)) {
    errno = EBUSY;
    return -1;
  }
  g_period = *timer;
  atomic_store_explicit(&g_armed, true, memory_order_relaxed);
  if (g_execs == 0) return real->setitimer(ITIMER_PROF, timer, old);
  if (old != NULL) *old = found; /* the thread inside exec arms it if that fails */
  return 0;
}

int ArbiterSetitimer(int which, const struct itimerval* timer, struct itimerval* old) {
  const RealCalls* const real = GetRealCalls();
  if (which != (int)ITIMER_PROF || !ArbiterIsOwner()) return real->setitimer(which, timer, old);
  const sigset_t mask = Lock();
  int result = 0;
  if (IsSet(timer)) {
    result = ArmLocked(timer, old);
  } else if (atomic_load_explicit(&g_taken, memory_order_relaxed)) {
    if (old != NULL) memset(old, 0, sizeof *old); /* the host's timer now: not ours to disarm */
  } else {
    atomic_store_explicit(&g_armed, false, memory_order_relaxed);
    result = real->setitimer(which, timer, old);
  }
  Unlock(&mask);
  return result;
}

int ArbiterGetitimer(int which, struct itimerval* timer) {
  const RealCalls* const real = GetRealCalls();
  if (which != (int)ITIMER_PROF || !ArbiterIsOwner()) return real->getitimer(which, timer);
  const sigset_t mask = Lock();
  int result = 0;
  if (atomic_load_explicit(&g_armed, memory_order_relaxed) && StandsBackLocked()) {
    *timer = g_period;
  } else {
    result = real->getitimer(which, timer);
  }
  Unlock(&mask);
  return result;
}

/* The lock is held. */
static void TakeLocked(void) {
  if (atomic_load_explicit(&g_taken, memory_order_relaxed)) return;
  atomic_store_explicit(&g_taken, true, memory_order_relaxed);
  if (atomic_load_explicit(&g_armed, memory_order_relaxed)) Disarm();
  atomic_store_explicit(&g_armed, false, memory_order_relaxed);
  if (Hooks() != NULL) Hooks()->taken();
  DropPending();
}

HostTake ArbiterBeginHostTake(void) {
  HostTake take;
  take.locked = ArbiterIsOwner();
  if (!take.locked) {
    if (atomic_load_explicit(&g_handler, memory_order_relaxed) != 0) DropPending();
    return take;
  }
  take.mask = Lock();
  /* Before the engine has installed anything there is nothing to take: it looks for itself, under
   * this lock, and a program that resets all signals first thing is profiled all the same. */
  if (atomic_load_explicit(&g_handler, memory_order_relaxed) != 0) TakeLocked();
  return take;
}

void ArbiterEndHostTake(const HostTake* take) {
  if (take->locked) Unlock(&take->mask);
}

void ArbiterTakeForGood(void) {
  if (!ArbiterIsOwner()) {
    DropPending();
    return;
  }
  const sigset_t mask = Lock();
  TakeLocked();
  Unlock(&mask);
}

void ArbiterHideAction(struct sigaction* action) {
  if (IsPodos(action)) *action = g_host_action;
}

bool ArbiterOwnsTimer(void) {
  return atomic_load_explicit(&g_armed, memory_order_relaxed) && ArbiterIsOwner();
}

bool ArbiterMayTick(void) {
  return ArbiterIsOwner() && !atomic_load_explicit(&g_taken, memory_order_relaxed);
}

/* Interval timers send SIGPROF with SI_KERNEL; the host cannot own one while podo is not off. POSIX
 * timers of the host may send the same signal: the engine knows its own. */
static bool IsTick(const siginfo_t* info) {
  if (info->si_code == SI_KERNEL && ArbiterMindsTimer()) return true;
  return Hooks() != NULL && Hooks()->is_tick(info);
}

bool ArbiterSwallowsTick(const siginfo_t* info) {
  if (info->si_signo != ArbiterSignal() || !ArbiterMayTick()) return false;
  if (atomic_load_explicit(&g_handler, memory_order_relaxed) == 0) return false;
  if (!IsTick(info)) return false;
  atomic_fetch_add_explicit(&g_swallowed, 1, memory_order_relaxed);
  return true;
}

uint64_t ArbiterSwallowedTicks(void) {
  return atomic_load_explicit(&g_swallowed, memory_order_relaxed);
}

ExecScope ArbiterBeginExec(void) {
  ExecScope scope = {ArbiterIsOwner(), false};
  if (!scope.counted) {
    if (atomic_load_explicit(&g_handler, memory_order_relaxed) != 0) scope.replaced = DropPending();
    return scope;
  }
  const sigset_t mask = Lock();
  /* Counted also before the engine started: it must not arm between here and the exec. Where
   * another exec is under way all is done, and a moment of SIG_IGN would pass into its program. */
  const bool first = ++g_execs == 1;
  if (first && Hooks() != NULL) Hooks()->execs(1);
  if (first && !atomic_load_explicit(&g_taken, memory_order_relaxed)) {
    if (atomic_load_explicit(&g_armed, memory_order_relaxed)) Disarm();
    /* Timers other than ITIMER_PROF are still armed: their ticks need a handler until the moment
     * of the exec, which takes them away with what they have pending and makes it SIG_DFL. */
    const bool ignored = g_host_action.sa_handler == SIG_IGN; /* which the new program inherits */
    DropPendingThen(ignored ? &g_host_action : &g_podo_action);
  }
  Unlock(&mask);
  return scope;
}

/* The lock is held. */
static void ResumeLocked(void) {
  const RealCalls* const real = GetRealCalls();
  if (!g_installed) return;
  real->sigaction(ArbiterSignal(), &g_podo_action, NULL);
  if (!atomic_load_explicit(&g_armed, memory_order_relaxed)) return;
  /* A whole period, not what was left of it: what is left rounds up to the kernel's tick each time,
   * so that 2,000 failures in a row had put the next sample 8 s off. */
  g_period.it_value = g_period.it_interval;
  real->setitimer(ITIMER_PROF, &g_period, NULL);
}

void ArbiterExecFailed(const ExecScope* scope) {
  const int saved_errno = errno;
  if (scope->counted) {
    const sigset_t mask = Lock();
    const bool last = --g_execs == 0; /* else another thread may be about to succeed */
    if (last && !atomic_load_explicit(&g_taken, memory_order_relaxed)) ResumeLocked();
    if (last && Hooks() != NULL) Hooks()->execs(0);
    Unlock(&mask);
  } else if (scope->replaced) {
    GetRealCalls()->sigaction(ArbiterSignal(), &g_podo_action, NULL);
  }
  errno = saved_errno;
}
