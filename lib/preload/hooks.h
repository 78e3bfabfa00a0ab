/* SPDX-License-Identifier: Apache-2.0 */
/* The contract between libpodo_preload.so (a small stub) and libpodo.so (the engine it loads).
 *
 * The stub stands between the host and libc, so it alone can tell the host's calls from podo's. It
 * is therefore the arbiter of the signal of ticks (SIGPROF, or what PODO_SIGNAL says) and of
 * ITIMER_PROF: the engine sets both through the table below and through nothing else. An engine
 * that called plain sigaction() would reach the stub's own wrapper and be taken for the host. Both
 * functions are found by dlsym; both must be exported. */
#ifndef PODO_LIB_PRELOAD_HOOKS_H_
#define PODO_LIB_PRELOAD_HOOKS_H_

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the stub lends to the engine; lives as long as the process. The calls behave like libc's,
 * see real values (not the ones shown to the host), are thread-safe and async-signal-safe, and may
 * be made in a vfork child, except:
 *  - from the moment the host takes the signal or ITIMER_PROF, and also where it holds either when
 *    the engine asks first, setting fails with EBUSY and changes nothing: stay off;
 *  - while a thread is inside exec*, queries answer as if it were not, and arming is noted and done
 *    only if that exec fails.
 * The engine installs one handler function for its whole life (an inert mode is a flag inside it,
 * not another function), because that address is how podo's disposition is recognised. It sets no
 * other signal through the table. With another signal than SIGPROF, what the host does with SIGPROF
 * and ITIMER_PROF concerns neither side. */
typedef struct podo_preload_calls {
  size_t size; /* sizeof(podo_preload_calls) of the stub; fields are only ever added */
  int (*sigaction)(int signal, const struct sigaction* action, struct sigaction* old);
  int (*setitimer)(int which, const struct itimerval* timer, struct itimerval* old);
  int (*getitimer)(int which, struct itimerval* timer);
  /* PODO_* and OTEL_* as NAME=VALUE, NULL-terminated, copied before main: the engine starts on a
   * thread of its own, where getenv() would race the host's setenv(). NULL: use getenv(). */
  const char* const* environment;
  /* Ticks that never reached the handler because a thread of the host waited for all signals by
   * sigwait and was handed them; the stub hides them from the host. Monotonic, wait-free. */
  uint64_t (*swallowed_ticks)(void);
  /* The file that was stderr before main, if `stderr_open`: the host may have put one of its own in
   * its place before the engine is there. */
  int stderr_open;
  dev_t stderr_device;
  ino_t stderr_inode;
} podo_preload_calls;

/* Called once before podo_start, and before main where the program itself links podo. Only stores
 * the pointer: no constructor of the engine needs to have run. */
void podo_internal_attach(const podo_preload_calls* calls);

/* The host takes the signal or ITIMER_PROF. Called on the host's thread with all signals blocked
 * and the stub's lock held: store a flag, wake a thread by futex or eventfd, no call of the table,
 * no libc call that is not async-signal-safe. ITIMER_PROF is disarmed already; timers of another
 * kind that send the signal must be gone when this returns. Called at most once a process; never in
 * a vfork child. The engine logs one line from a thread of its own and stays off. */
void podo_internal_host_takes_signal(void);

/* 1: a thread of this process is about to exec; timers whose signals stay pending over exec must be
 * gone when this returns (POSIX timers go with exec), and none may be armed. 0: no exec is under
 * way any more, all have failed. Called like the one above, as often as the host tries. */
void podo_internal_host_execs(int begins);

/* 1 if `info`, of a signal that a thread of the host waited for, is of a timer of podo's other
 * than ITIMER_PROF. Async-signal-safe, any thread. */
int podo_internal_is_tick(const siginfo_t* info);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* PODO_LIB_PRELOAD_HOOKS_H_ */
