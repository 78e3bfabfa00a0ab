/* SPDX-License-Identifier: Apache-2.0 */
/* The program that is exec'ed: ends with 42 if nothing of a profiler was left to it. */
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

static int Fail(int code, const char* what) {
  fprintf(stderr, "exec_target: %s\n", what);
  return code;
}

int main(void) {
  sigset_t pending;
  sigpending(&pending);
  if (sigismember(&pending, SIGPROF)) return Fail(3, "a SIGPROF is pending");
  if (RealTimerArmed()) return Fail(4, "ITIMER_PROF is armed");
  if (RealHandler() != 0) return Fail(5, "SIGPROF is not SIG_DFL");
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
