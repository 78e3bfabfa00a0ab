/* SPDX-License-Identifier: Apache-2.0 */
/* A host that does unkind things while it is profiled; test_bad_input.py runs it with and without
 * the preload library. What it prints depends on nothing but what it was asked for. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static FILE* g_report; /* not stdout: some scenarios have none */

static int64_t ClockMs(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((noinline)) static uint32_t Mix(uint32_t seed) {
  for (int i = 0; i < 20000; ++i) seed = seed * 1664525u + 1013904223u;
  return seed;
}

/* Three levels, so that a stack has something to reach. */
__attribute__((noinline)) static uint32_t Inner(int64_t ms) {
  const int64_t end = ClockMs(CLOCK_THREAD_CPUTIME_ID) + ms;
  uint32_t sum = 0;
  while (ClockMs(CLOCK_THREAD_CPUTIME_ID) < end) sum += Mix(sum);
  return sum;
}
__attribute__((noinline)) static uint32_t Middle(int64_t ms) { return Inner(ms) | 1; }
__attribute__((noinline)) static void Burn(int64_t ms) {
  uint32_t sum = Middle(ms);
  __asm__ volatile("" : "+r"(sum)); /* used, and no tail call */
}

static void Limit(int resource, rlim_t limit) {
  const struct rlimit both = {limit, limit};
  if (setrlimit(resource, &both) != 0) fprintf(g_report, "setrlimit: %s\n", strerror(errno));
}

static void Work(long ms) { Burn(ms); }

/* Until the file argv[3] names is there. */
static const char* g_until;
static void Until(long most_ms) {
  const int64_t end = ClockMs(CLOCK_MONOTONIC) + most_ms;
  while (access(g_until, F_OK) != 0 && ClockMs(CLOCK_MONOTONIC) < end) Burn(5);
}

/* Everything above stderr is closed, then its numbers are the host's: nothing may come out of them,
 * and none may be closed by anybody else. */
static void CloseAll(long ms) {
  Burn(ms); /* podo is up by then */
  close_range(3, ~0u, 0);
  int pairs[16][2];
  for (int i = 0; i < 16; ++i) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]) != 0) abort();
  }
  Burn(ms);
  int touched = 0;
  for (int i = 0; i < 32; ++i) {
    struct pollfd waiting = {pairs[i / 2][i % 2], POLLIN, 0};
    touched += poll(&waiting, 1, 0) != 0;
  }
  fprintf(g_report, "touched %d first %d\n", touched, pairs[0][0]);
}

static void* BurnOnThread(void* ms) {
  Burn(*(long*)ms);
  return NULL;
}

static void BlockSigprof(long ms) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_t other;
  pthread_create(&other, NULL, BurnOnThread, &ms);
  Burn(ms);
  pthread_join(other, NULL);
}

static atomic_int g_ticks;
static void OnTick(int signal) { (void)signal, ++g_ticks; }

/* Takes SIGPROF and its timer while podo has them. */
static void OwnHandler(long ms) {
  Burn(ms);
  struct sigaction action = {.sa_handler = OnTick}, before, now;
  sigaction(SIGPROF, &action, &before);
  const struct itimerval timer = {{0, 20000}, {0, 20000}};
  setitimer(ITIMER_PROF, &timer, NULL);
  Burn(ms);
  sigaction(SIGPROF, NULL, &now);
  fprintf(g_report, "before default %d, mine after %d, ticks enough %d\n",
          before.sa_handler == SIG_DFL, now.sa_handler == OnTick, g_ticks >= ms / 60);
}

static void FewFiles(long files) {
  Limit(RLIMIT_NOFILE, (rlim_t)files);
  Burn(350);
}

/* The host's own file stays under its limit. */
static void SmallFiles(long bytes) {
  Limit(RLIMIT_FSIZE, (rlim_t)bytes);
  Burn(350);
}

/* Takes the address space down to what is in use and `kb` more. */
static void LittleSpace(long kb) {
  long pages = 0;
  FILE* file = fopen("/proc/self/statm", "re");
  if (file == NULL || fscanf(file, "%ld", &pages) != 1) abort();
  fclose(file);
  Limit(RLIMIT_AS, (rlim_t)(pages * 4096 + kb * 1024));
  Burn(250);
}

/* The same after `ms`, with nothing left: podo runs by then. */
static void SpaceGone(long ms) {
  Burn(ms);
  LittleSpace(0);
  Burn(400);
}

/* Files of the host's own, each `path`.N, which get the lowest numbers free: after a start without
 * standard streams these are 0, 1 and 2. What is in them in the end must be what it wrote. */
static void OwnFiles(const char* path, int first_close, int flags) {
  int fds[3];
  char name[512];
  if (first_close >= 0) {
    Burn(150); /* podo logs to the old one first */
    for (int i = first_close; i < 3; ++i) close(i);
  }
  for (int i = 0; i < 3; ++i) {
    snprintf(name, sizeof name, "%s.%d", path, i);
    fds[i] = open(name, O_CREAT | flags, 0600);
  }
  Burn(600);
  for (int i = 0; i < 3; ++i) {
    if (write(fds[i], "mine\n", 5) != 5) fprintf(g_report, "write: %s\n", strerror(errno));
  }
  fprintf(g_report, "numbers %d %d %d\n", fds[0], fds[1], fds[2]);
}

/* 1 and 2 have one inode and are no log: the ends of a pipe, or two eventfds. */
static void OwnPair(bool events) {
  char bytes[8];
  int pair[2];
  const int zero = open("/dev/null", O_RDONLY);
  if (events) {
    pair[0] = eventfd(0, EFD_NONBLOCK);
    pair[1] = eventfd(0, EFD_NONBLOCK);
  } else if (pipe2(pair, O_NONBLOCK) != 0) {
    abort();
  }
  Burn(300);
  const bool empty = read(pair[events ? 1 : 0], bytes, sizeof bytes) < 0 && errno == EAGAIN;
  fprintf(g_report, "numbers %d %d %d, empty %d\n", zero, pair[0], pair[1], empty);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const char* what = argv[1];
  const long size = atol(argv[2]);
  const char* path = argc > 3 ? argv[3] : NULL;
  const char* report = getenv("TEST_REPORT");
  g_report = stdout;
  if (report != NULL) {
    const int fd = open(report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int high = fcntl(fd, F_DUPFD_CLOEXEC, 200);
    close(fd);
    g_report = fdopen(high, "w");
  }
  if (g_report == NULL) return 2;
  g_until = path;
  if (strcmp(what, "work") == 0) Work(size);
  if (strcmp(what, "until") == 0) Until(size);
  if (strcmp(what, "close-all") == 0) CloseAll(size);
  if (strcmp(what, "block-sigprof") == 0) BlockSigprof(size);
  if (strcmp(what, "own-handler") == 0) OwnHandler(size);
  if (strcmp(what, "few-files") == 0) FewFiles(size);
  if (strcmp(what, "small-files") == 0) SmallFiles(size);
  if (strcmp(what, "little-space") == 0) LittleSpace(size);
  if (strcmp(what, "space-gone") == 0) SpaceGone(size);
  if (strcmp(what, "own-pipe") == 0) OwnPair(false);
  if (strcmp(what, "own-events") == 0) OwnPair(true);
  if (strcmp(what, "own-files") == 0) OwnFiles(path, -1, O_WRONLY);
  if (strcmp(what, "own-files-late") == 0) OwnFiles(path, 0, O_WRONLY | O_TRUNC);
  fprintf(g_report, "%s done\n", what);
  return fflush(g_report) == 0 ? 42 : 3;
}
