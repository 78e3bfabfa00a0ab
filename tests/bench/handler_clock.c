/* SPDX-License-Identifier: Apache-2.0 */
/* A preload library that times whatever SIGPROF handler the process installs.
 *
 * It stands between the profiler and libc: sigaction(SIGPROF) installs a handler that times the
 * real one, and queries see the real one. At exit the cycles of every call are written to the file
 * PODO_BENCH_CLOCK names, as 32-bit words after the TSC's rate; a child process writes nothing. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define MAX_CALLS 65536

typedef void (*Handler)(int, siginfo_t*, void*);
typedef int (*SigactionCall)(int, const struct sigaction*, struct sigaction*);

static _Atomic(Handler) g_original;
static struct sigaction g_installed; /* as the profiler gave it */
static atomic_uint g_calls;
static uint32_t g_cycles[MAX_CALLS];
static pid_t g_pid;
static uint64_t g_begin_cycles;
static struct timespec g_begin;

static inline uint64_t Cycles(void) {
  uint32_t low, high;
  __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
  return (uint64_t)high << 32 | low;
}

static void Timed(int signal_number, siginfo_t* cause, void* context) {
  Handler original = atomic_load_explicit(&g_original, memory_order_acquire);
  const uint64_t begin = Cycles();
  original(signal_number, cause, context);
  const uint64_t cycles = Cycles() - begin;
  const unsigned at = atomic_fetch_add_explicit(&g_calls, 1, memory_order_relaxed);
  if (at < MAX_CALLS) g_cycles[at] = cycles < UINT32_MAX ? (uint32_t)cycles : UINT32_MAX;
}

static int RealSigaction(int signal_number, const struct sigaction* action, struct sigaction* old) {
  static _Atomic(SigactionCall) real;
  SigactionCall call = atomic_load_explicit(&real, memory_order_acquire);
  if (call == NULL) {
    void* const found = dlsym(RTLD_NEXT, "sigaction");
    memcpy(&call, &found, sizeof call);
    atomic_store_explicit(&real, call, memory_order_release);
  }
  return call(signal_number, action, old);
}

static int IsHandler(const struct sigaction* action) {
  return (action->sa_flags & SA_SIGINFO) != 0 ||
         (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

__attribute__((visibility("default"))) int sigaction(int signal_number,
                                                     const struct sigaction* action,
                                                     struct sigaction* old) {
  if (signal_number != SIGPROF) return RealSigaction(signal_number, action, old);
  struct sigaction wrapped, before = g_installed, seen;
  if (action != NULL && IsHandler(action)) {
    wrapped = *action;
    g_installed = *action;
    atomic_store_explicit(&g_original, action->sa_sigaction, memory_order_release);
    wrapped.sa_flags |= SA_SIGINFO;
    wrapped.sa_sigaction = Timed;
    action = &wrapped;
  }
  const int result = RealSigaction(signal_number, action, &seen);
  if (result == 0 && old != NULL) {
    *old = (seen.sa_flags & SA_SIGINFO) != 0 && seen.sa_sigaction == Timed ? before : seen;
  }
  return result;
}

__attribute__((constructor)) static void Begin(void) {
  g_pid = getpid();
  clock_gettime(CLOCK_MONOTONIC, &g_begin);
  g_begin_cycles = Cycles();
}

__attribute__((destructor)) static void End(void) {
  const char* const path = getenv("PODO_BENCH_CLOCK");
  if (path == NULL || getpid() != g_pid) return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const double ns =
      (double)(now.tv_sec - g_begin.tv_sec) * 1e9 + (double)(now.tv_nsec - g_begin.tv_nsec);
  const double ghz = (double)(Cycles() - g_begin_cycles) / ns;
  unsigned calls = atomic_load(&g_calls);
  if (calls > MAX_CALLS) calls = MAX_CALLS;
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return; /* a child that execs inherits the variable: the first file wins */
  (void)!write(fd, &ghz, sizeof ghz);
  (void)!write(fd, g_cycles, calls * sizeof g_cycles[0]);
  close(fd);
}
