/* SPDX-License-Identifier: Apache-2.0 */
/* An engine of a few lines that keeps the contract of lib/preload/hooks.h, so that the preload
 * library can be tested alone: it counts ticks and reports them at exit. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "podo/podo_c.h"
#include "preload/hooks.h"

enum {
  kPeriodUs = 4000
}; /* 250 Hz, the kernel's own tick here: the most an interval timer gives */

static const podo_preload_calls* g_calls;
static atomic_long g_ticks;
static atomic_int g_taken;
static pid_t g_started;

__attribute__((visibility("default"))) void podo_internal_attach(const podo_preload_calls* calls) {
  g_calls = calls;
}

__attribute__((visibility("default"))) void podo_internal_host_takes_signal(void) {
  atomic_store(&g_taken, 1);
}

__attribute__((visibility("default"))) void podo_internal_host_execs(int begins) { (void)begins; }

__attribute__((visibility("default"))) int podo_internal_is_tick(const siginfo_t* info) {
  (void)info;
  return 0; /* it has ITIMER_PROF only */
}

static void OnTick(int signal_number) {
  (void)signal_number;
  atomic_fetch_add(&g_ticks, 1);
}

static const char* Variable(const char* name) {
  const size_t size = strlen(name);
  for (const char* const* next = g_calls->environment; *next != NULL; ++next) {
    if (strncmp(*next, name, size) == 0 && (*next)[size] == '=') return *next + size + 1;
  }
  return NULL;
}

/* $PODO_TEST_REPORT.PID gets "program ticks taken". */
__attribute__((destructor)) static void Report(void) {
  const char* const base = g_calls != NULL ? Variable("PODO_TEST_REPORT") : NULL;
  if (base == NULL || getpid() != g_started) return;
  char path[512];
  snprintf(path, sizeof path, "%s.%d", base, (int)getpid());
  FILE* const file = fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%s %ld %d\n", program_invocation_short_name, atomic_load(&g_ticks),
          atomic_load(&g_taken));
  fclose(file);
}

/* True after pthread_exit in main: then this thread must not keep the process alive. */
static int MainIsGone(void) {
  char stat[64] = {0}; /* "PID (NAME) STATE ..." */
  const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t size = read(fd, stat, sizeof stat - 1);
  close(fd);
  const char* const name_end = size > 0 ? strrchr(stat, ')') : NULL;
  return name_end != NULL && name_end[1] == ' ' && name_end[2] == 'Z';
}

/* Looks, as an engine does at every drain, whether the host has taken the signal unseen. */
static void* Watch(void* unused) {
  (void)unused;
  for (int round = 1; round % 100 != 0 || !MainIsGone(); ++round) {
    const struct timespec pause = {0, 200000};
    nanosleep(&pause, NULL);
    struct sigaction action;
    struct itimerval timer;
    g_calls->sigaction(SIGPROF, NULL, &action);
    g_calls->getitimer(ITIMER_PROF, &timer);
    if (action.sa_handler == OnTick && timer.it_interval.tv_usec == kPeriodUs) continue;
    const struct itimerval zero = {{0, 0}, {0, 0}};
    g_calls->setitimer(ITIMER_PROF, &zero, NULL);
    break;
  }
  return NULL;
}

static podo_status Refuse(int code, const char* message) {
  podo_status status = {code, {0}};
  snprintf(status.message, sizeof status.message, "%s", message);
  return status;
}

__attribute__((visibility("default"))) podo_status podo_start(const podo_options* options) {
  (void)options;
  if (g_started != 0) return Refuse(PODO_ALREADY_STARTED, "started already");
  const char* const slow_ms = g_calls != NULL ? Variable("PODO_TEST_SLOW_START_MS") : NULL;
  if (slow_ms != NULL) {
    const struct timespec time = {0, atol(slow_ms) * 1000000};
    nanosleep(&time, NULL);
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = OnTick;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  const struct itimerval timer = {{0, kPeriodUs}, {0, kPeriodUs}};
  if (g_calls->sigaction(SIGPROF, &action, NULL) != 0) {
    return Refuse(PODO_SIGNAL_TAKEN, "SIGPROF belongs to the program");
  }
  if (g_calls->setitimer(ITIMER_PROF, &timer, NULL) != 0) {
    return Refuse(PODO_SIGNAL_TAKEN, "ITIMER_PROF belongs to the program");
  }
  g_started = getpid();
  pthread_t watcher; /* all signals are blocked here, and so in it */
  if (pthread_create(&watcher, NULL, Watch, NULL) != 0) return Refuse(PODO_RESOURCE, "no thread");
  return Refuse(PODO_OK, "");
}
