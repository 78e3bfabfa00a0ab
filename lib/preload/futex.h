/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a word of memory, and a lock, usable in a signal handler and in a fork handler. */
#ifndef PODO_LIB_PRELOAD_FUTEX_H_
#define PODO_LIB_PRELOAD_FUTEX_H_

#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Returns when woken, when *word is not `value`, on a signal, or after `timeout` (NULL: none). */
static inline void FutexWait(atomic_int* word, int value, const struct timespec* timeout) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0);
}

static inline void FutexWake(atomic_int* word, int waiters) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters, NULL, NULL, 0);
}

/* Signals are blocked first, so that a handler which comes back here cannot meet its own thread's
 * lock. A futex and not a spin lock: the waiter may be of a higher real-time priority. The lock is
 * 0 free, 1 held, 2 held and somebody waits. */
static inline sigset_t FutexLock(atomic_int* lock) {
  sigset_t all;
  sigset_t mask;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  int expected = 0;
  if (!atomic_compare_exchange_strong(lock, &expected, 1)) {
    while (atomic_exchange(lock, 2) != 0) FutexWait(lock, 2, NULL);
  }
  return mask;
}

static inline void FutexUnlock(atomic_int* lock, const sigset_t* mask) {
  if (atomic_exchange(lock, 0) == 2) FutexWake(lock, 1);
  pthread_sigmask(SIG_SETMASK, mask, NULL);
}

#endif /* PODO_LIB_PRELOAD_FUTEX_H_ */
