/* SPDX-License-Identifier: Apache-2.0 */
/* exec_case FUNCTION MODE TARGET: execs TARGET by FUNCTION while podo's timer is armed.
 * MODE: single, burner, third (a thread execs while a busy one blocks SIGPROF), pending, vfork,
 * rival (beside failing execs of another thread), early (while podo is being loaded), empty (empty
 * environment), failing-N (N execs that fail, then sampling must go on). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "probe.h"

extern char** environ;

static const char* g_function;
static const char* g_target;
static char* g_no_environment[] = {NULL};
static char** g_environment;

static bool Is(const char* name) { return strcmp(g_function, name) == 0; }

/* Returns only on failure. Async-signal-safe, so that a vfork child may call it. */
static void Exec(const char* path) {
  char* argv[] = {"exec_target", "one", "two", NULL};
  char** const envp = g_environment;
  if (Is("execve")) execve(path, argv, envp);
  if (Is("execv")) execv(path, argv);
  if (Is("execvp")) execvp(path, argv);
  if (Is("execvpe")) execvpe(path, argv, envp);
  if (Is("execl")) execl(path, "exec_target", "one", "two", (char*)NULL);
  if (Is("execle")) execle(path, "exec_target", "one", "two", (char*)NULL, envp);
  if (Is("execlp")) execlp(path, "exec_target", "one", "two", (char*)NULL);
  if (Is("raw")) syscall(SYS_execve, path, argv, envp);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (Is("fexecve")) fexecve(fd, argv, envp);
  if (Is("execveat")) execveat(AT_FDCWD, path, argv, envp, 0);
  if (fd >= 0) close(fd);
}

static void* Burner(void* blocks) {
  if (blocks != NULL) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
  }
  for (;;) BurnMs(10);
  return NULL;
}

static void* Execer(void* unused) {
  (void)unused;
  BurnMs(1);
  SleepMs(2);
  Exec(g_target);
  _exit(91);
}

/* Its failing execs put podo back while the main thread is between podo's retreat and its exec. */
static void* Rival(void* unused) {
  (void)unused;
  for (;;) Exec("/nonexistent/program");
  return NULL;
}

static void StartThread(void* (*body)(void*), void* argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) _exit(92);
}

static _Noreturn void ByThird(void) {
  StartThread(Burner, "blocks");
  SleepMs(5);
  StartThread(Execer, NULL);
  for (;;) pause();
}

static void MakePending(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPROF);
  sigprocmask(SIG_BLOCK, &set, NULL);
  for (int i = 0; i < 1000; ++i) {
    sigset_t pending;
    BurnMs(1);
    sigpending(&pending);
    if (sigismember(&pending, SIGPROF)) return;
  }
  _exit(93);
}

/* Armed with at most one period to go, by podo's handler? */
static bool Sampling(void) {
  const struct itimerval timer = RealTimer();
  const int64_t left_us = timer.it_value.tv_sec * INT64_C(1000000) + timer.it_value.tv_usec;
  if (RealTimerArmed() && left_us <= 20000 && RealHandler() > 1) return true;
  fprintf(stderr, "exec_case: timer %lld us, handler %#llx\n", (long long)left_us,
          (unsigned long long)RealHandler());
  return false;
}

static int ByVfork(void) {
  const bool searches = Is("execvp") || Is("execvpe") || Is("execlp");
  const char* const name = strrchr(g_target, '/') + 1;
  char path[1024];
  snprintf(path, sizeof path, "/nonexistent/a:/nonexistent/b:%.*s", (int)(name - g_target - 1),
           g_target);
  setenv("PATH", path, 1);
  const pid_t child = vfork();
  if (child == 0) {
    if (searches) {
      Exec(name);
    } else {
      Exec("/nonexistent/a/exec_target");
      Exec("/nonexistent/b/exec_target");
      Exec(g_target);
    }
    _exit(91);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  /* Nothing the child did may stay in the memory it shared: a failing exec puts podo back. */
  Exec("/nonexistent/program");
  if (!Sampling()) return 94;
  BurnMs(10);
  if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
  return WEXITSTATUS(status);
}

/* Execs while podo is being loaded, and takes long over it: a PATH of many entries, ours the last.
 */
static int ByEarly(void) {
  enum { kEntries = 8000, kEntryBytes = 4 };
  static char path[kEntries * kEntryBytes + 1024];
  for (int i = 0; i < kEntries; ++i) memcpy(path + i * kEntryBytes, "/x/:", kEntryBytes);
  const char* const name = strrchr(g_target, '/') + 1;
  memcpy(path + kEntries * kEntryBytes, g_target, (size_t)(name - g_target));
  setenv("PATH", path, 1);
  const struct timespec time = {0, 20000000 + getpid() % 100 * 150000};
  nanosleep(&time, NULL);
  Exec(name);
  return 91;
}

static int ByFailing(int count) {
  for (int i = 0; i < count; ++i) {
    Exec("/nonexistent/program");
    if (errno != ENOENT && !Is("fexecve")) return 95;
  }
  if (!Sampling()) return 96;
  BurnMs(200);
  return Sampling() ? 42 : 97;
}

int main(int argc, char** argv) {
  if (argc != 4) return 99;
  g_function = argv[1];
  g_target = argv[3];
  const char* const mode = argv[2];
  g_environment = strcmp(mode, "empty") == 0 ? g_no_environment : environ;
  if (strcmp(mode, "early") == 0) return ByEarly();
  if (!AwaitArmed()) return 90;
  if (strncmp(mode, "failing-", 8) == 0) return ByFailing(atoi(mode + 8));
  if (strcmp(mode, "vfork") == 0) return ByVfork();
  if (strcmp(mode, "third") == 0) ByThird();
  if (strcmp(mode, "burner") == 0) StartThread(Burner, NULL);
  if (strcmp(mode, "rival") == 0) StartThread(Rival, NULL);
  if (strcmp(mode, "pending") == 0) {
    MakePending();
  } else {
    BurnMs(1 + getpid() % 8); /* anywhere in a period of 4 ms */
  }
  Exec(g_target);
  return 91;
}
