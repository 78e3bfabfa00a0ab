/* SPDX-License-Identifier: Apache-2.0 */
/* host_case SCENARIO: a program that knows nothing of podo and has a use of its own for signals. It
 * waits until `ready` tells it that podo's handler is there. Ends with 42 if it saw what it would
 * see without podo. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "podo/podo_c.h"

#define EXPECT(condition)                                                \
  do {                                                                   \
    if (!(condition)) {                                                  \
      fprintf(stderr, "host_case: line %d: %s\n", __LINE__, #condition); \
      return 1;                                                          \
    }                                                                    \
  } while (0)

#ifdef BIG_TLS
/* Part of every thread's stack. */
static __thread volatile char g_big[3 << 20];
#endif

static int g_signal; /* podo's, by TEST_SIGNAL */

static int64_t ClockMs(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((noinline)) static void BurnMs(int ms) {
  const int64_t end = ClockMs(CLOCK_THREAD_CPUTIME_ID) + ms;
  while (ClockMs(CLOCK_THREAD_CPUTIME_ID) < end) {
    for (volatile int i = 0; i < 20000; ++i) {
    }
  }
}

/* Past the preload library: 0 default, 1 ignored, else a handler. */
static uintptr_t RealHandler(int signal_number) {
  uintptr_t action[4] = {0};
  syscall(SYS_rt_sigaction, signal_number, NULL, action, 8);
  return action[0];
}

/* podo arms right after it has installed its handler; a moment of work lets it. */
static int AwaitPodo(void) {
  for (int i = 0; i < 2000; ++i) {
    if (RealHandler(g_signal) > 1) {
      BurnMs(30);
      return 1;
    }
    usleep(5000);
  }
  return 0;
}

static void* BurnForever(void* unused) {
  (void)unused;
  for (;;) BurnMs(10);
  return NULL;
}

static void BurnBesides(int threads) {
  pthread_t thread;
  for (int i = 0; i < threads; ++i) pthread_create(&thread, NULL, BurnForever, NULL);
}

static atomic_int g_ticks;
static void OnTick(int signal_number) { (void)signal_number, ++g_ticks; }

/* With podo on another signal SIGPROF and its timer are this program's. */
static int OwnProfiler(void) {
  struct sigaction action, old;
  memset(&action, 0, sizeof action);
  action.sa_handler = OnTick;
  action.sa_flags = SA_RESTART;
  EXPECT(sigaction(SIGPROF, &action, &old) == 0 && old.sa_handler == SIG_DFL);
  const struct itimerval timer = {{0, 20000}, {0, 20000}};
  struct itimerval now;
  EXPECT(setitimer(ITIMER_PROF, &timer, NULL) == 0);
  EXPECT(getitimer(ITIMER_PROF, &now) == 0 && now.it_interval.tv_usec == 20000);
  BurnMs(600);
  printf("host_ticks=%d\n", atomic_load(&g_ticks));
  EXPECT(RealHandler(SIGPROF) == (uintptr_t)OnTick && RealHandler(g_signal) > 1);
  return 42;
}

/* Every thread blocks every signal, and one burns. */
static void BlockAllAndBurn(sigset_t* all) {
  sigfillset(all);
  pthread_sigmask(SIG_SETMASK, all, NULL);
  BurnBesides(1);
}

static int WaitForAll(void) {
  sigset_t all;
  siginfo_t info;
  int number = 0;
  BlockAllAndBurn(&all);
  const struct itimerval timer = {{0, 0}, {0, 300000}};
  setitimer(ITIMER_REAL, &timer, NULL);
  EXPECT(sigwait(&all, &number) == 0 && number == SIGALRM);
  setitimer(ITIMER_REAL, &timer, NULL);
  EXPECT(sigwaitinfo(&all, &info) == SIGALRM);
  const struct timespec timeout = {0, 300000000};
  EXPECT(sigtimedwait(&all, NULL, &timeout) == -1 && errno == EAGAIN);
  const union sigval value = {.sival_int = 7};
  EXPECT(sigqueue(getpid(), g_signal, value) == 0); /* what somebody sends is the host's */
  EXPECT(sigwaitinfo(&all, &info) == g_signal && info.si_value.sival_int == 7);
  return 42;
}

static int SignalfdFull(void) {
  sigset_t all;
  BlockAllAndBurn(&all);
  const int fd = signalfd(-1, &all, SFD_NONBLOCK);
  struct signalfd_siginfo event;
  usleep(200000);
  EXPECT(fd >= 0 && read(fd, &event, sizeof event) == -1 && errno == EAGAIN);
  kill(getpid(), SIGTERM);
  EXPECT(read(fd, &event, sizeof event) == sizeof event && event.ssi_signo == SIGTERM);
  return 42;
}

/* Of podo's signal alone: the host means it, and podo goes. */
static int SignalfdOwn(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, g_signal);
  BurnBesides(1);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  const int fd = signalfd(-1, &set, SFD_NONBLOCK);
  struct signalfd_siginfo event;
  usleep(200000);
  EXPECT(fd >= 0 && read(fd, &event, sizeof event) == -1 && errno == EAGAIN);
  EXPECT(RealHandler(g_signal) == 0);
  return 42;
}

static int ResetsAll(void) {
  BurnBesides(2);
  BurnMs(50);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  for (int i = 1; i < NSIG; ++i) sigaction(i, &action, NULL);
  BurnMs(200); /* a tick would kill it */
  EXPECT(RealHandler(g_signal) == 0);
  return 42;
}

static int Takes(void) {
  struct sigaction old;
  BurnBesides(2);
  EXPECT(sigaction(g_signal, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
  EXPECT(signal(g_signal, OnTick) == SIG_DFL);
  BurnMs(200);
  EXPECT(atomic_load(&g_ticks) == 0 && RealHandler(g_signal) == (uintptr_t)OnTick);
  return 42;
}

/* Busy threads beside execs that fail, and in the end one that does not. */
static int Execs(void) {
  char* argv[] = {"host_case", "fresh", NULL};
  char* environment[] = {NULL};
  BurnBesides(3);
  for (int i = 0; i < 3000; ++i) EXPECT(execve("/nonexistent/program", argv, environment) == -1);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, g_signal);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  for (int i = 0; i < 20; ++i) raise(g_signal);
  execve("/proc/self/exe", argv, environment);
  return 1;
}

/* After exec: nothing is pending that would kill it. */
static int Fresh(void) {
  sigset_t set;
  sigfillset(&set);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  BurnMs(20);
  return 42;
}

#ifndef STATIC_HOST
/* Loads podo as a plugin and unloads it: its handler must stay where the kernel finds it. */
static int Unloads(void) {
  void* const podo = dlopen(getenv("TEST_LIBRARY"), RTLD_NOW);
  EXPECT(podo != NULL);
  void* const start = dlsym(podo, "podo_start");
  podo_status (*run)(const podo_options*);
  memcpy(&run, &start, sizeof run);
  EXPECT(run(NULL).code == PODO_OK);
  BurnMs(50);
  EXPECT(dlclose(podo) == 0);
  EXPECT(RealHandler(g_signal) > 1);
  BurnMs(200);
  raise(g_signal);
  void* const again = dlopen(getenv("TEST_LIBRARY"), RTLD_NOW);
  EXPECT(again == podo);
  void* const get = dlsym(again, "podo_get_stats");
  void (*stats)(podo_stats*);
  memcpy(&stats, &get, sizeof stats);
  podo_stats now;
  memset(&now, 0, sizeof now);
  now.size = sizeof now;
  stats(&now);
  printf("ticks=%llu\n", (unsigned long long)now.ticks);
  return 42;
}
#endif

static int Burn(void) {
  BurnMs(1000);
  return 42;
}

/* A MiB at a time, TEST_MIB of them, with work in between. */
static int EatsMemory(void) {
  const char* const mib = getenv("TEST_MIB");
  const int all = mib != NULL ? atoi(mib) : 0;
  for (int eaten = 1; eaten <= all; ++eaten) {
    char* memory = malloc(1 << 20);
    EXPECT(memory != NULL);
    memset(memory, eaten, 1 << 20);
    BurnMs(5);
    printf("eaten=%d\n", eaten);
    fflush(stdout);
  }
  return 42;
}

int main(int argc, char** argv) {
  if (argc != 2) return 99;
#ifdef BIG_TLS
  g_big[0] = 1;
#endif
  const char* const name = argv[1];
  const char* const number = getenv("TEST_SIGNAL");
  g_signal = number != NULL ? atoi(number) : SIGPROF;
#define CASE(text, call) \
  if (strcmp(name, text) == 0) return call
  CASE("fresh", Fresh());
  CASE("eats-memory", EatsMemory());
#ifndef STATIC_HOST
  CASE("unloads", Unloads());
#endif
  if (!AwaitPodo()) return 90;
  CASE("own-profiler", OwnProfiler());
  CASE("wait-all", WaitForAll());
  CASE("signalfd-all", SignalfdFull());
  CASE("signalfd-own", SignalfdOwn());
  CASE("resets-all", ResetsAll());
  CASE("takes", Takes());
  CASE("execs", Execs());
  CASE("burn", Burn());
  return 98;
}
