/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a word of memory, usable in a signal handler and in a fork handler. */
#ifndef PODO_LIB_PRELOAD_FUTEX_H_
#define PODO_LIB_PRELOAD_FUTEX_H_

#include <linux/futex.h>
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

#endif /* PODO_LIB_PRELOAD_FUTEX_H_ */
