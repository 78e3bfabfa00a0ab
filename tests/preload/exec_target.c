/* SPDX-License-Identifier: Apache-2.0 */
/* The program that is exec'ed: ends with 42 if nothing of a profiler was left to it. */
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

static int Fail(int code, const char* what) {
  fprintf(stderr, "exec_target: %s\n", what);
  return code;
}

/* What the program began with. Looked at before any library's constructor: under the preload
 * library podo is loaded after some tens of milliseconds, which a busy machine may let pass before
 * main. */
static sigset_t first_pending;
static int first_armed, first_handler;

static void Look(void) {
  sigpending(&first_pending);
  first_armed = RealTimerArmed();
  first_handler = RealHandler() != 0;
}
__attribute__((section(".preinit_array"), used)) static void (*const look)(void) = Look;

int main(void) {
  if (sigismember(&first_pending, SIGPROF)) return Fail(3, "a SIGPROF is pending");
  if (first_armed) return Fail(4, "ITIMER_PROF is armed");
  if (first_handler) return Fail(5, "SIGPROF is not SIG_DFL");
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  BurnMs(10); /* two ticks and a half at 250 Hz: an inherited timer would kill here */
  if (getenv("EXPECT_FRESH") != NULL) {
    if (!AwaitArmed()) return Fail(6, "not profiled afresh");
    BurnMs(100);
  }
  return 42;
}
