/* SPDX-License-Identifier: Apache-2.0 */
/* The exec functions of libc: podo's timer and pending ticks must not reach the new program.
 *
 * Async-signal-safe, allocate nothing, allowed in a vfork child. glibc's own exec functions, as
 * well as posix_spawn, system and popen, call its internal execve and do not come back here. */
#include <alloca.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include "preload/arbiter.h"
#include "preload/real_calls.h"

#define PODO_WRAPPER __attribute__((visibility("default")))

/* Runs CALL as an exec: it returns only by failing. */
#define RUN_EXEC(call)                          \
  const RealCalls* const real = GetRealCalls(); \
  const ExecScope scope = ArbiterBeginExec();   \
  const int result = real->call;                \
  ArbiterExecFailed(&scope);                    \
  return result

PODO_WRAPPER int execve(const char* path, char* const argv[], char* const envp[]) {
  RUN_EXEC(execve(path, argv, envp));
}

PODO_WRAPPER int execv(const char* path, char* const argv[]) { RUN_EXEC(execv(path, argv)); }

/* The real ones search PATH: their fallback to /bin/sh on ENOEXEC is kept. */
PODO_WRAPPER int execvp(const char* file, char* const argv[]) { RUN_EXEC(execvp(file, argv)); }

PODO_WRAPPER int execvpe(const char* file, char* const argv[], char* const envp[]) {
  RUN_EXEC(execvpe(file, argv, envp));
}

PODO_WRAPPER int fexecve(int fd, char* const argv[], char* const envp[]) {
  RUN_EXEC(fexecve(fd, argv, envp));
}

PODO_WRAPPER int execveat(int fd, const char* path, char* const argv[], char* const envp[],
                          int flags) {
  RUN_EXEC(execveat(fd, path, argv, envp, flags));
}

/* Number of arguments up to and including the closing NULL, `first` included. */
static size_t CountArguments(const char* first, va_list arguments) {
  size_t count = 1;
  for (const char* next = first; next != NULL; ++count) next = va_arg(arguments, const char*);
  return count;
}

static void StoreArguments(const char** list, size_t count, const char* first, va_list arguments) {
  list[0] = first;
  for (size_t i = 1; i < count; ++i) list[i] = va_arg(arguments, const char*);
}

/* An argv on the stack of the calling function, as libc's own execl* make it: whoever passed the
 * arguments had them on the stack too. */
#define STACK_ARGV(argv, first)                                         \
  va_list argv##_list;                                                  \
  va_start(argv##_list, first);                                         \
  const size_t argv##_count = CountArguments(first, argv##_list);       \
  va_end(argv##_list);                                                  \
  const char** const argv = alloca(argv##_count * sizeof(const char*)); \
  va_start(argv##_list, first);                                         \
  StoreArguments(argv, argv##_count, first, argv##_list);               \
  va_end(argv##_list)

PODO_WRAPPER int execl(const char* path, const char* arg, ...) {
  STACK_ARGV(argv, arg);
  RUN_EXEC(execv(path, (StringList)argv));
}

PODO_WRAPPER int execlp(const char* file, const char* arg, ...) {
  STACK_ARGV(argv, arg);
  RUN_EXEC(execvp(file, (StringList)argv));
}

PODO_WRAPPER int execle(const char* path, const char* arg, ...) {
  STACK_ARGV(argv, arg);
  /* The environment stands behind the closing NULL. */
  va_list rest;
  va_start(rest, arg);
  for (size_t i = 1; i < argv_count; ++i) (void)va_arg(rest, const char*);
  char* const* const envp = va_arg(rest, char* const*);
  va_end(rest);
  RUN_EXEC(execve(path, (StringList)argv, envp));
}
