/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the wrappers: the next definition after this library, usually libc's. */
#ifndef PODO_LIB_PRELOAD_REAL_CALLS_H_
#define PODO_LIB_PRELOAD_REAL_CALLS_H_

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <sys/types.h>

typedef void (*SignalHandler)(int);
typedef SignalHandler SignalCall(int, SignalHandler);
typedef char* const* StringList;

typedef struct RealCalls {
  int (*execve)(const char*, StringList, StringList);
  int (*execv)(const char*, StringList);
  int (*execvp)(const char*, StringList);
  int (*execvpe)(const char*, StringList, StringList);
  int (*fexecve)(int, StringList, StringList);
  int (*execveat)(int, const char*, StringList, StringList, int);
  int (*sigaction)(int, const struct sigaction*, struct sigaction*);
  SignalCall* signal;
  SignalCall* sysv_signal;
  SignalCall* sigset;
  int (*sigignore)(int);
  int (*siginterrupt)(int, int);
  int (*sigwaitinfo)(const sigset_t*, siginfo_t*);
  int (*sigtimedwait)(const sigset_t*, siginfo_t*, const struct timespec*);
  int (*signalfd)(int, const sigset_t*, int);
  int (*setuid)(uid_t);
  int (*seteuid)(uid_t);
  int (*setreuid)(uid_t, uid_t);
  int (*setresuid)(uid_t, uid_t, uid_t);
  int (*setgid)(gid_t);
  int (*setegid)(gid_t);
  int (*setregid)(gid_t, gid_t);
  int (*setresgid)(gid_t, gid_t, gid_t);
  int (*setgroups)(size_t, const gid_t*);
  int (*initgroups)(const char*, gid_t);
  int (*unshare)(int);
  int (*setns)(int, int);
  int (*setitimer)(int, const struct itimerval*, struct itimerval*);
  int (*getitimer)(int, struct itimerval*);
} RealCalls;

/* Resolves everything on the first call: from the stub's constructor, or before it from another
 * library's. Afterwards async-signal-safe, allocates nothing. */
const RealCalls* GetRealCalls(void);

#endif /* PODO_LIB_PRELOAD_REAL_CALLS_H_ */
