/* SPDX-License-Identifier: Apache-2.0 */
/* fork_case MODE TARGET: children of a profiled process. Ends with 42 if every child ended well.
 * MODE: fork, fork-timers, posix_spawn, posix_spawnp, system, popen, fork-exec, or window-SEED:
 * forks all over the first 60 ms of its life, while podo is being loaded; each child loads the
 * library TARGET. */
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "probe.h"

extern char** environ;

/* Exit status, or 128 + signal. */
static int Await(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return 98;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int BySpawn(const char* target, bool search) {
  char* argv[] = {"exec_target", NULL};
  pid_t child = 0;
  const int error = search ? posix_spawnp(&child, target, NULL, NULL, argv, environ)
                           : posix_spawn(&child, target, NULL, NULL, argv, environ);
  return error != 0 ? 97 : Await(child);
}

static int ByPopen(const char* target) {
  FILE* const pipe = popen(target, "r");
  if (pipe == NULL) return 97;
  return WEXITSTATUS(pclose(pipe));
}

/* A child that has timers of its own, and takes podo's signal: theirs are the lowest numbers, as
 * the parent's were. */
static int ByForkWithTimers(void) {
  BurnMs(100);
  const pid_t child = fork();
  if (child != 0) return Await(child);
  timer_t timers[8];
  struct sigevent quiet = {.sigev_notify = SIGEV_NONE};
  struct itimerspec left;
  for (int i = 0; i < 8; ++i) {
    if (timer_create(CLOCK_MONOTONIC, &quiet, &timers[i]) != 0) _exit(5);
  }
  signal(SIGPROF, SIG_IGN);
  for (int i = 0; i < 8; ++i) {
    if (timer_gettime(timers[i], &left) != 0) _exit(6);
  }
  exit(42);
}

/* A child that is not exec'ed: no timer, and it may use CPU and end as it likes. */
static int ByFork(const char* target, bool execs) {
  char* argv[] = {"exec_target", NULL};
  const pid_t child = fork();
  if (child != 0) return Await(child);
  if (execs) execve(target, argv, environ);
  if (RealTimerArmed()) _exit(3);
  BurnMs(20);
  exit(execs ? 91 : 42);
}

static int InWindow(unsigned seed, const char* library) {
  const int64_t end = ClockMs(CLOCK_MONOTONIC) + 60;
  srand(seed);
  while (ClockMs(CLOCK_MONOTONIC) < end) {
    const struct timespec gap = {0, rand() % 4000000};
    nanosleep(&gap, NULL);
    const pid_t child = fork();
    if (child == 0) {
      void* const handle = dlopen(library, RTLD_NOW);
      exit(handle != NULL && dlsym(handle, "SmallLibrary") != NULL ? 42 : 4);
    }
    const int status = Await(child);
    if (status != 42) return status;
  }
  return AwaitArmed() ? 42 : 90;
}

static int Once(const char* mode, const char* target) {
  if (strcmp(mode, "fork") == 0) return ByFork(target, false);
  if (strcmp(mode, "fork-timers") == 0) return ByForkWithTimers();
  if (strcmp(mode, "fork-exec") == 0) return ByFork(target, true);
  if (strcmp(mode, "posix_spawn") == 0) return BySpawn(target, false);
  if (strcmp(mode, "posix_spawnp") == 0) return BySpawn(target, true);
  if (strcmp(mode, "system") == 0) return WEXITSTATUS(system(target));
  if (strcmp(mode, "popen") == 0) return ByPopen(target);
  return 99;
}

int main(int argc, char** argv) {
  if (argc != 3) return 99;
  if (strncmp(argv[1], "window-", 7) == 0) return InWindow((unsigned)atoi(argv[1] + 7), argv[2]);
  if (!AwaitArmed()) return 90;
  BurnMs(1 + getpid() % 4);
  const int status = Once(argv[1], argv[2]);
  if (status == 42 && !RealTimerArmed()) return 96; /* the parent's own timer stays */
  return status;
}
