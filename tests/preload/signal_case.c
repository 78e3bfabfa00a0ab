/* SPDX-License-Identifier: Apache-2.0 */
/* signal_case NAME: a host that takes or looks at SIGPROF or ITIMER_PROF after podo has started.
 * Ends with 42 if it saw what it would see without podo. */
#define _XOPEN_SOURCE_EXTENDED 1
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "probe.h"

typedef void (*Handler)(int);
Handler bsd_signal(int signal_number, Handler handler);
Handler __sysv_signal(int signal_number, Handler handler);

static atomic_int g_ticks;
static void OnHostTick(int signal_number) {
  (void)signal_number;
  atomic_fetch_add(&g_ticks, 1);
}

#define EXPECT(condition)                                                  \
  do {                                                                     \
    if (!(condition)) {                                                    \
      fprintf(stderr, "signal_case: line %d: %s\n", __LINE__, #condition); \
      return 1;                                                            \
    }                                                                      \
  } while (0)

/* After the host took the signal: no timer, the host's disposition, and CPU may be burned. */
static int EndTaken(uintptr_t handler) {
  EXPECT(!ItimerArmed());
  EXPECT(RealHandler() == handler);
  EXPECT(AwaitDisarmed()); /* podo may just have made one, which it deletes without setting it */
  BurnMs(60);
  EXPECT(!RealTimerArmed());
  EXPECT(atomic_load(&g_ticks) == 0);
  return 42;
}

static int ResetAllBySigaction(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  for (int i = 1; i < NSIG; ++i) sigaction(i, &action, NULL);
  return EndTaken(0);
}

static int ResetAllBySignal(void) {
  for (int i = 1; i < NSIG; ++i) signal(i, SIG_DFL);
  return EndTaken(0);
}

static int HandlerBySigaction(void) {
  struct sigaction action;
  struct sigaction old;
  memset(&action, 0, sizeof action);
  action.sa_handler = OnHostTick;
  EXPECT(sigaction(SIGPROF, &action, &old) == 0);
  EXPECT(old.sa_handler == SIG_DFL && (old.sa_flags & ~0x04000000) == 0); /* SA_RESTORER */
  EXPECT(sigaction(SIGPROF, NULL, &old) == 0 && old.sa_handler == OnHostTick);
  return EndTaken((uintptr_t)OnHostTick);
}

static int HandlerBySignals(Handler (*call)(int, Handler)) {
  EXPECT(call(SIGPROF, OnHostTick) == SIG_DFL);
  EXPECT(RealHandler() == (uintptr_t)OnHostTick);
  EXPECT(call(SIGPROF, SIG_IGN) == OnHostTick);
  return EndTaken(1);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static int Sigset(void) {
  EXPECT(sigset(SIGPROF, SIG_HOLD) == SIG_DFL);
  sigset_t mask;
  sigprocmask(SIG_SETMASK, NULL, &mask);
  EXPECT(sigismember(&mask, SIGPROF));
  EXPECT(sigset(SIGPROF, OnHostTick) == SIG_HOLD);
  return EndTaken((uintptr_t)OnHostTick);
}

static int Sigignore(void) {
  EXPECT(sigignore(SIGPROF) == 0);
  return EndTaken(1);
}

static int Siginterrupt(void) {
  EXPECT(siginterrupt(SIGPROF, 1) == 0);
  return EndTaken(0);
}

static int Queries(void) {
  struct sigaction old;
  struct itimerval timer = {{1, 1}, {1, 1}};
  const uintptr_t podos = RealHandler();
  EXPECT(sigaction(SIGPROF, NULL, &old) == 0);
  EXPECT(old.sa_handler == SIG_DFL && (old.sa_flags & ~0x04000000) == 0); /* SA_RESTORER */
  EXPECT(getitimer(ITIMER_PROF, &timer) == 0);
  EXPECT(timer.it_value.tv_usec == 0 && timer.it_interval.tv_usec == 0);
  for (int i = 1; i < NSIG; ++i) sigaction(i, NULL, &old);
  BurnMs(60);
  EXPECT(RealTimerArmed() && RealHandler() == podos && podos > 1);
  return 42;
}

/* The host's own timer and handler get ticks, podo's never mix in. */
static int OwnProfiler(void) {
  EXPECT(signal(SIGPROF, OnHostTick) == SIG_DFL);
  const struct itimerval timer = {{0, 20000}, {0, 20000}};
  struct itimerval old = {{1, 1}, {1, 1}};
  EXPECT(setitimer(ITIMER_PROF, &timer, &old) == 0);
  EXPECT(old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
  EXPECT(getitimer(ITIMER_PROF, &old) == 0 && old.it_interval.tv_usec == 20000);
  BurnMs(200);
  const int ticks = atomic_load(&g_ticks);
  /* 10; on a crowded machine fewer, or up to 28 % more (facts: ITIMER_PROF goes by whole kernel
   * ticks). podo's would make it 50. */
  EXPECT(ticks >= 1 && ticks <= 20);
  return 42;
}

/* Without a handler the host's timer ends it, as it does without podo. */
static int OwnTimerDies(void) {
  const struct itimerval timer = {{0, 20000}, {0, 20000}};
  EXPECT(setitimer(ITIMER_PROF, &timer, NULL) == 0);
  BurnMs(1000);
  return 1;
}

/* Pending ticks of podo must not reach the handler (or the default) that the host sets. */
static int PendingDropped(void) {
  sigset_t set;
  sigset_t pending;
  sigemptyset(&set);
  sigaddset(&set, SIGPROF);
  sigprocmask(SIG_BLOCK, &set, NULL);
  do {
    BurnMs(1);
    sigpending(&pending);
  } while (!sigismember(&pending, SIGPROF));
  EXPECT(signal(SIGPROF, SIG_DFL) == SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  return EndTaken(0);
}

static void* ResetLoop(void* unused) {
  (void)unused;
  for (int i = 0; i < 200; ++i) {
    signal(SIGPROF, i % 2 ? SIG_DFL : SIG_IGN);
    BurnMs(1);
  }
  return NULL;
}

static int TakenByManyThreads(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, ResetLoop, NULL);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  signal(SIGPROF, SIG_DFL);
  return EndTaken(0);
}

static void* BurnBlocked(void* unused) {
  (void)unused;
  for (;;) BurnMs(10);
  return NULL;
}

/* Every thread blocks every signal and one burns CPU: podo's ticks go to whoever waits. */
static void BlockAllAndBurn(sigset_t* all) {
  pthread_t thread;
  sigfillset(all);
  pthread_sigmask(SIG_SETMASK, all, NULL);
  pthread_create(&thread, NULL, BurnBlocked, NULL);
}

static int WaitForAll(void) {
  sigset_t all;
  siginfo_t info;
  int number = 0;
  BlockAllAndBurn(&all);
  SleepMs(50);
  kill(getpid(), SIGPROF); /* may merge with a pending tick: the first one wins */
  const struct itimerval timer = {{0, 0}, {0, 200000}};
  setitimer(ITIMER_REAL, &timer, NULL);
  EXPECT(sigwait(&all, &number) == 0 && (number == SIGALRM || number == SIGPROF));
  if (number == SIGPROF) EXPECT(sigwait(&all, &number) == 0 && number == SIGALRM);
  setitimer(ITIMER_REAL, &timer, NULL);
  EXPECT(sigwaitinfo(&all, &info) == SIGALRM && info.si_signo == SIGALRM);
  const int64_t start = ClockMs(CLOCK_MONOTONIC);
  const struct timespec timeout = {0, 250000000};
  EXPECT(sigtimedwait(&all, NULL, &timeout) == -1 && errno == EAGAIN);
  const int64_t waited = ClockMs(CLOCK_MONOTONIC) - start;
  EXPECT(waited >= 249 && waited < 1000);
  EXPECT(RealTimerArmed());
  return 42;
}

/* A SIGPROF that was sent is the host's, whoever owns the timer. */
static int WaitForSent(void) {
  sigset_t all;
  siginfo_t info;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  /* One SIGPROF can be pending: take a tick out of the way first. */
  const struct timespec now = {0, 0};
  EXPECT(sigtimedwait(&all, NULL, &now) == -1 && errno == EAGAIN);
  const union sigval value = {.sival_int = 7};
  sigqueue(getpid(), SIGPROF, value);
  EXPECT(sigwaitinfo(&all, &info) == SIGPROF && info.si_value.sival_int == 7);
  return 42;
}

static int SignalfdFull(void) {
  sigset_t all;
  BlockAllAndBurn(&all);
  const int fd = signalfd(-1, &all, SFD_NONBLOCK);
  struct signalfd_siginfo event;
  SleepMs(100);
  EXPECT(fd >= 0 && read(fd, &event, sizeof event) == -1 && errno == EAGAIN);
  kill(getpid(), SIGTERM);
  EXPECT(read(fd, &event, sizeof event) == sizeof event && event.ssi_signo == SIGTERM);
  EXPECT(RealTimerArmed());
  return 42;
}

static int SignalfdOwn(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPROF);
  sigprocmask(SIG_BLOCK, &set, NULL);
  const int fd = signalfd(-1, &set, SFD_NONBLOCK);
  struct signalfd_siginfo event;
  BurnMs(40);
  EXPECT(fd >= 0 && read(fd, &event, sizeof event) == -1 && errno == EAGAIN);
  kill(getpid(), SIGPROF);
  EXPECT(read(fd, &event, sizeof event) == sizeof event && event.ssi_signo == SIGPROF);
  return EndTaken(0);
}

/* In a child that inherited podo's handler: sees SIG_DFL, sets SIG_DFL, keeps it. */
static void ResetAllInChild(void) {
  struct sigaction old;
  if (sigaction(SIGPROF, NULL, &old) != 0 || old.sa_handler != SIG_DFL) _exit(2);
  for (int i = 1; i < NSIG; ++i) signal(i, SIG_DFL);
  _exit(RealHandler() == 0 ? 0 : 3);
}

/* The parent is profiled as before, whatever its child did. */
static int EndParent(pid_t child, uintptr_t podos) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  /* A failing exec retreats and comes back, which it would not if podo were off. */
  char* argv[] = {NULL};
  EXPECT(execv("/nonexistent/program", argv) == -1);
  BurnMs(60);
  EXPECT(RealTimerArmed() && RealHandler() == podos);
  return 42;
}

static int ChildOfFork(bool raw) {
  const uintptr_t podos = RealHandler();
  const pid_t child = raw ? (pid_t)syscall(SYS_fork) : fork();
  if (child == 0) ResetAllInChild();
  return EndParent(child, podos);
}

static int ChildOfVfork(void) {
  const uintptr_t podos = RealHandler();
  const pid_t child = vfork();
  if (child == 0) ResetAllInChild();
  return EndParent(child, podos);
}

int main(int argc, char** argv) {
  if (argc != 2) return 99;
  if (!AwaitArmed()) return 90;
  const char* const name = argv[1];
#define CASE(text, call) \
  if (strcmp(name, text) == 0) return call
  CASE("reset-sigaction", ResetAllBySigaction());
  CASE("reset-signal", ResetAllBySignal());
  CASE("sigaction", HandlerBySigaction());
  CASE("signal", HandlerBySignals(signal));
  CASE("bsd_signal", HandlerBySignals(bsd_signal));
  CASE("ssignal", HandlerBySignals(ssignal));
  CASE("sysv_signal", HandlerBySignals(sysv_signal));
  CASE("__sysv_signal", HandlerBySignals(__sysv_signal));
  CASE("sigset", Sigset());
  CASE("sigignore", Sigignore());
  CASE("siginterrupt", Siginterrupt());
  CASE("queries", Queries());
  CASE("own-profiler", OwnProfiler());
  CASE("own-timer", OwnTimerDies());
  CASE("pending", PendingDropped());
  CASE("wait-all", WaitForAll());
  CASE("wait-sent", WaitForSent());
  CASE("signalfd-all", SignalfdFull());
  CASE("signalfd-own", SignalfdOwn());
  CASE("threads", TakenByManyThreads());
  CASE("child-fork", ChildOfFork(false));
  CASE("child-raw-fork", ChildOfFork(true));
  CASE("child-vfork", ChildOfVfork());
  return 98;
}
