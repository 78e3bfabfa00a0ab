/* SPDX-License-Identifier: Apache-2.0 */
#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

/* glibc's allocator under its own names: dlsym() itself allocates. */
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
int __sigaction(int, const struct sigaction*, struct sigaction*);

enum who { HOST, CALL, THREAD, LOADER };
static _Thread_local enum who t_who = HOST;

static _Atomic int64_t g_calls[FAULTS_KINDS];
static _Atomic int64_t g_failed;
/* The three are written while no thread of podo runs. */
static _Atomic int g_kind = FAULTS_KINDS;
static int64_t g_first, g_last = -1;
static int g_how;
static bool g_traced;

void faults_arm(enum faults_kind kind, int64_t n, int64_t more, int how) {
  for (int i = 0; i < FAULTS_KINDS; ++i) g_calls[i] = 0;
  g_failed = 0;
  g_first = n;
  g_last = n == 0 ? -1 : n + more;
  g_how = how;
  g_traced = getenv("FAULTS_TRACE") != NULL;
  g_kind = kind;
}

void faults_disarm(void) { g_kind = FAULTS_KINDS; }
int64_t faults_calls(enum faults_kind kind) { return g_calls[kind]; }
int64_t faults_failed(void) { return g_failed; }
void faults_enter(void) { t_who = CALL; }
void faults_leave(void) { t_who = HOST; }

/* For people: whose call it was that failed, on stderr. */
static void trace(void) {
  const enum who saved = t_who;
  t_who = HOST;
  void* frames[32];
  backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
  t_who = saved;
}

/* This call is to fail. */
static bool hit(enum faults_kind kind) {
  if (t_who == HOST) return false;
  const int64_t n = ++g_calls[kind];
  if (g_kind != (int)kind || n < g_first || n > g_last) return false;
  ++g_failed;
  if (g_traced) trace();
  return true;
}

static bool memory_hit(void) {
  const enum faults_kind kind = t_who == THREAD   ? FAULTS_MEMORY_THREAD
                                : t_who == LOADER ? FAULTS_MEMORY_LOAD
                                                  : FAULTS_MEMORY_CALL;
  if (!hit(kind)) return false;
  errno = ENOMEM;
  return true;
}

static int refuse(void) {
  errno = g_how;
  return -1;
}

#define REAL(name)               \
  static __typeof__(&name) real; \
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, #name)

void* malloc(size_t size) { return memory_hit() ? NULL : __libc_malloc(size); }
void* calloc(size_t n, size_t size) { return memory_hit() ? NULL : __libc_calloc(n, size); }
void* realloc(void* old, size_t size) { return memory_hit() ? NULL : __libc_realloc(old, size); }
void* memalign(size_t alignment, size_t size) {
  return memory_hit() ? NULL : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** to, size_t alignment, size_t size) {
  if (memory_hit()) return ENOMEM;
  *to = __libc_memalign(alignment, size);
  return *to != NULL ? 0 : ENOMEM;
}
void free(void* memory) { __libc_free(memory); }

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  REAL(mmap);
  if (!hit(FAULTS_MAP)) return real(at, size, protection, flags, fd, offset);
  refuse();
  return MAP_FAILED;
}
void* mmap64(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  return mmap(at, size, protection, flags, fd, offset);
}

static mode_t mode_of(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
}
#define OPEN(name)                                                \
  int name(const char* path, int flags, ...) {                    \
    REAL(name);                                                   \
    va_list list;                                                 \
    va_start(list, flags);                                        \
    const mode_t mode = mode_of(flags, list);                     \
    va_end(list);                                                 \
    return hit(FAULTS_OPEN) ? refuse() : real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                         \
  int name(int directory, const char* path, int flags, ...) {                \
    REAL(name);                                                              \
    va_list list;                                                            \
    va_start(list, flags);                                                   \
    const mode_t mode = mode_of(flags, list);                                \
    va_end(list);                                                            \
    return hit(FAULTS_OPEN) ? refuse() : real(directory, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

#define FAILS(kind, type, name, parameters, arguments) \
  type name parameters {                               \
    REAL(name);                                        \
    return hit(kind) ? refuse() : real arguments;      \
  }
FAILS(FAULTS_OPEN, int, memfd_create, (const char* name, unsigned flags), (name, flags))
FAILS(FAULTS_OPEN, int, eventfd, (unsigned count, int flags), (count, flags))
FAILS(FAULTS_OPEN, int, timerfd_create, (int clock, int flags), (clock, flags))
FAILS(FAULTS_OPEN, int, epoll_create1, (int flags), (flags))
FAILS(FAULTS_OPEN, int, epoll_create, (int size), (size))
FAILS(FAULTS_OPEN, int, pipe, (int ends[2]), (ends))
FAILS(FAULTS_OPEN, int, pipe2, (int ends[2], int flags), (ends, flags))
FAILS(FAULTS_OPEN, int, socket, (int domain, int type, int protocol), (domain, type, protocol))
FAILS(FAULTS_OPEN, int, accept4, (int fd, __SOCKADDR_ARG name, socklen_t* size, int flags),
      (fd, name, size, flags))
FAILS(FAULTS_CONNECT, int, connect, (int fd, __CONST_SOCKADDR_ARG name, socklen_t size),
      (fd, name, size))
FAILS(FAULTS_ITIMER, int, setitimer,
      (__itimer_which_t which, const struct itimerval* timer, struct itimerval* old),
      (which, timer, old))
FAILS(FAULTS_RENAME, int, rename, (const char* from, const char* to), (from, to))
FAILS(FAULTS_RENAME, int, renameat, (int a, const char* from, int b, const char* to),
      (a, from, b, to))
FAILS(FAULTS_SYNC, int, fsync, (int fd), (fd))
FAILS(FAULTS_SYNC, int, fdatasync, (int fd), (fd))
FAILS(FAULTS_SIGACTION, int, sigaction,
      (int signal, const struct sigaction* action, struct sigaction* old), (signal, action, old))
FAILS(FAULTS_SIGACTION, int, __sigaction,
      (int signal, const struct sigaction* action, struct sigaction* old), (signal, action, old))

void* opendir(const char* path) {
  static void* (*real)(const char*);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "opendir");
  if (!hit(FAULTS_OPEN)) return real(path);
  refuse();
  return NULL;
}
FILE* fopen(const char* path, const char* mode) {
  REAL(fopen);
  if (!hit(FAULTS_OPEN)) return real(path, mode);
  refuse();
  return NULL;
}

/* A write to one, by which a thread is woken, never fails: its count does not overflow. */
static bool is_eventfd(int fd) {
  if (t_who == HOST) return false;
  char path[32], target[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(path, target, sizeof target);
  return size == sizeof "anon_inode:[eventfd]" - 1 &&
         memcmp(target, "anon_inode:[eventfd]", size) == 0;
}

/* Cut to one byte (how = 0), refused, or as it is. */
#define WRITES(name, parameters, whole, cut)                     \
  ssize_t name parameters {                                      \
    REAL(name);                                                  \
    if (is_eventfd(fd) || !hit(FAULTS_WRITE)) return real whole; \
    return g_how != 0 ? refuse() : real cut;                     \
  }
#define ONE (size < 1 ? size : 1)
WRITES(write, (int fd, const void* from, size_t size), (fd, from, size), (fd, from, ONE))
WRITES(pwrite, (int fd, const void* from, size_t size, off_t at), (fd, from, size, at),
       (fd, from, ONE, at))
WRITES(pwrite64, (int fd, const void* from, size_t size, off64_t at), (fd, from, size, at),
       (fd, from, ONE, at))
WRITES(send, (int fd, const void* from, size_t size, int flags), (fd, from, size, flags),
       (fd, from, ONE, flags))
WRITES(writev, (int fd, const struct iovec* from, int count), (fd, from, count),
       (fd, from, count > 1 ? 1 : count))
ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
  REAL(sendmsg);
  if (!hit(FAULTS_WRITE)) return real(fd, message, flags);
  if (g_how != 0) return refuse();
  if (message->msg_iovlen == 0) return real(fd, message, flags);
  struct iovec first = message->msg_iov[0];
  if (first.iov_len > 1) first.iov_len = 1;
  struct msghdr cut = *message;
  cut.msg_iov = &first;
  cut.msg_iovlen = 1;
  return real(fd, &cut, flags);
}

int getaddrinfo(const char* host, const char* service, const struct addrinfo* hints,
                struct addrinfo** found) {
  REAL(getaddrinfo);
  if (!hit(FAULTS_RESOLVE)) return real(host, service, hints, found);
  errno = g_how;
  return g_how == ENOMEM ? EAI_MEMORY : EAI_AGAIN;
}

/* dlopen looks for its caller: the real one is called from here, so libraries that are found by the
 * caller's run path are podo's own business (it passes whole paths). A library that would bind to
 * itself first is made to bind to this file, as all others. */
void* dlopen(const char* path, int flags) {
  REAL(dlopen);
  if (path != NULL && hit(FAULTS_LOAD)) return NULL;
  const enum who before = t_who;
  if (before == CALL) t_who = LOADER;
  void* const library = real(path, flags & ~RTLD_DEEPBIND);
  t_who = before;
  return library;
}

struct begun {
  void* (*main)(void*);
  void* argument;
};
static void* begin_thread(void* argument) {
  const struct begun begun = *(struct begun*)argument;
  __libc_free(argument);
  t_who = THREAD;
  return begun.main(begun.argument);
}
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*main)(void*),
                   void* argument) {
  REAL(pthread_create);
  if (t_who == HOST) return real(thread, attributes, main, argument);
  if (hit(FAULTS_THREAD)) return EAGAIN;
  struct begun* begun = __libc_malloc(sizeof *begun);
  if (begun == NULL) return EAGAIN;
  *begun = (struct begun){main, argument};
  const int error = real(thread, attributes, begin_thread, begun);
  if (error != 0) __libc_free(begun);
  return error;
}

long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "syscall");
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; ++i) a[i] = va_arg(list, long);
  va_end(list);
  const bool fails = number == SYS_setitimer ? hit(FAULTS_ITIMER)
                     : number == SYS_timer_create || number == SYS_timer_settime ? hit(FAULTS_TIMER)
                     : number == SYS_renameat2 ? hit(FAULTS_RENAME)
                                               : false;
  return fails ? refuse() : real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
