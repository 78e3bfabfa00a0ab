/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/real_calls.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static RealCalls g_calls;
/* Release by the resolver, acquire by the callers: g_calls is written before it. Two resolvers at
 * once (only possible before main) write equal values. */
static atomic_bool g_resolved;

typedef struct Entry {
  const char* name;
  size_t offset;
} Entry;

static const Entry kEntries[] = {
    {"execve", offsetof(RealCalls, execve)},
    {"execv", offsetof(RealCalls, execv)},
    {"execvp", offsetof(RealCalls, execvp)},
    {"execvpe", offsetof(RealCalls, execvpe)},
    {"fexecve", offsetof(RealCalls, fexecve)},
    {"execveat", offsetof(RealCalls, execveat)},
    {"sigaction", offsetof(RealCalls, sigaction)},
    {"signal", offsetof(RealCalls, signal)},
    {"sysv_signal", offsetof(RealCalls, sysv_signal)},
    {"sigset", offsetof(RealCalls, sigset)},
    {"sigignore", offsetof(RealCalls, sigignore)},
    {"siginterrupt", offsetof(RealCalls, siginterrupt)},
    {"sigwaitinfo", offsetof(RealCalls, sigwaitinfo)},
    {"sigtimedwait", offsetof(RealCalls, sigtimedwait)},
    {"signalfd", offsetof(RealCalls, signalfd)},
    {"setuid", offsetof(RealCalls, setuid)},
    {"seteuid", offsetof(RealCalls, seteuid)},
    {"setreuid", offsetof(RealCalls, setreuid)},
    {"setresuid", offsetof(RealCalls, setresuid)},
    {"setgid", offsetof(RealCalls, setgid)},
    {"setegid", offsetof(RealCalls, setegid)},
    {"setregid", offsetof(RealCalls, setregid)},
    {"setresgid", offsetof(RealCalls, setresgid)},
    {"setgroups", offsetof(RealCalls, setgroups)},
    {"initgroups", offsetof(RealCalls, initgroups)},
    {"unshare", offsetof(RealCalls, unshare)},
    {"setns", offsetof(RealCalls, setns)},
    {"setitimer", offsetof(RealCalls, setitimer)},
    {"getitimer", offsetof(RealCalls, getitimer)},
};

static void Resolve(void) {
  for (size_t i = 0; i < sizeof kEntries / sizeof kEntries[0]; ++i) {
    void* const found = dlsym(RTLD_NEXT, kEntries[i].name);
    if (found == NULL) {
      /* Every glibc podo supports has them all (execveat is the youngest, 2.34). Without the real
       * function the host's call cannot be made, so a loud end before main beats a wrong one. */
      static const char kLine[] = "podo: this libc lacks a function libpodo_preload.so wraps\n";
      (void)!write(STDERR_FILENO, kLine, sizeof kLine - 1);
      abort();
    }
    memcpy((char*)&g_calls + kEntries[i].offset, &found, sizeof found);
  }
  atomic_store_explicit(&g_resolved, 1, memory_order_release);
}

const RealCalls* GetRealCalls(void) {
  if (!atomic_load_explicit(&g_resolved, memory_order_acquire)) Resolve();
  return &g_calls;
}
