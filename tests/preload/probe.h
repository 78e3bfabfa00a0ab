/* SPDX-License-Identifier: Apache-2.0 */
/* How a test program sees what is really armed: raw system calls, past the preload library. */
#ifndef PODO_TESTS_PRELOAD_PROBE_H_
#define PODO_TESTS_PRELOAD_PROBE_H_

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static inline int64_t ClockMs(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void SleepMs(int ms) {
  const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

/* Uses `ms` of this thread's CPU time. */
static inline void BurnMs(int ms) {
  const int64_t end = ClockMs(CLOCK_THREAD_CPUTIME_ID) + ms;
  while (ClockMs(CLOCK_THREAD_CPUTIME_ID) < end) {
    for (volatile int i = 0; i < 20000; ++i) {
    }
  }
}

static inline struct itimerval RealTimer(void) {
  struct itimerval timer;
  memset(&timer, 0, sizeof timer);
  syscall(SYS_getitimer, ITIMER_PROF, &timer);
  return timer;
}

/* POSIX timers of this process that send SIGPROF. (One that is created and not set would count too;
 * podo sets what it creates.) */
static inline bool RealPosixTimer(void) {
  char text[4096];
  const int fd = open("/proc/self/timers", O_RDONLY | O_CLOEXEC);
  const ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
  if (fd >= 0) close(fd);
  if (size <= 0) return false;
  text[size] = '\0';
  return strstr(text, "signal: 27/") != NULL;
}

/* By its period: what is left reads 0 for as long as an expiry waits to be handled. */
static inline bool ItimerArmed(void) {
  const struct itimerval timer = RealTimer();
  return timer.it_interval.tv_sec != 0 || timer.it_interval.tv_usec != 0;
}

/* A timer that sends SIGPROF is there. */
static inline bool RealTimerArmed(void) { return ItimerArmed() || RealPosixTimer(); }

/* Disposition of SIGPROF as the kernel has it: 0 default, 1 ignored, else a handler. */
static inline uintptr_t RealHandler(void) {
  uintptr_t action[4] = {0}; /* the kernel's struct: handler, flags, restorer, mask */
  syscall(SYS_rt_sigaction, SIGPROF, NULL, action, 8);
  return action[0];
}

static inline bool AwaitTimer(bool armed) {
  for (const int64_t end = ClockMs(CLOCK_MONOTONIC) + 10000; ClockMs(CLOCK_MONOTONIC) < end;) {
    if (RealTimerArmed() == armed) return true;
    SleepMs(1);
  }
  return false;
}
/* Waits for the engine; false if it has not armed a timer, or deleted all, within 10 s. */
static inline bool AwaitArmed(void) { return AwaitTimer(true); }
static inline bool AwaitDisarmed(void) { return AwaitTimer(false); }

#endif /* PODO_TESTS_PRELOAD_PROBE_H_ */
