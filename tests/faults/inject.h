/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of libc that podo makes, counted, and one of them made to fail. What the host calls itself
 * never fails: a call is podo's if its thread is inside (faults_enter), or was created by one that
 * was. */
#ifndef PODO_TESTS_FAULTS_INJECT_H_
#define PODO_TESTS_FAULTS_INJECT_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum faults_kind {
  FAULTS_MEMORY_CALL,   /* malloc and the like in Start(), Flush(), Stop() */
  FAULTS_MEMORY_THREAD, /* the same on podo's threads */
  FAULTS_MAP,           /* mmap */
  FAULTS_OPEN,          /* whatever makes a descriptor */
  FAULTS_WRITE,         /* write, writev, pwrite, sendmsg */
  FAULTS_CONNECT,
  FAULTS_THREAD,      /* pthread_create */
  FAULTS_TIMER,       /* timer_create, timer_settime */
  FAULTS_ITIMER,      /* setitimer */
  FAULTS_SIGACTION,   /* sigaction */
  FAULTS_RENAME,      /* rename, renameat, renameat2 */
  FAULTS_SYNC,        /* fsync, fdatasync */
  FAULTS_RESOLVE,     /* getaddrinfo */
  FAULTS_LOAD,        /* dlopen */
  FAULTS_MEMORY_LOAD, /* malloc and the like while a library is loaded in Start() */
  FAULTS_SPACE,       /* none of these: n MiB of address space are left (RLIMIT_AS) */
  FAULTS_KINDS
};

/* The n-th call from now on of that kind fails, and `more` behind it; n = 0: none. `how` is an
 * errno, or 0 for a write that takes no more than one byte. */
void faults_arm(enum faults_kind kind, int64_t n, int64_t more, int how);
void faults_disarm(void);
int64_t faults_calls(enum faults_kind kind); /* since faults_arm */
int64_t faults_failed(void);
void faults_enter(void);
void faults_leave(void);

#ifdef __cplusplus
}
#endif

#endif /* PODO_TESTS_FAULTS_INJECT_H_ */
