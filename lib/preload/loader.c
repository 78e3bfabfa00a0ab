/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the engine, but only into processes that live long enough to be worth it.
 *
 * LD_PRELOAD is inherited by whole process trees, and most of their processes end within
 * milliseconds. So the constructor starts one small thread that sleeps, then loads libpodo.so from
 * beside this library, starts it and ends. A process that ends before pays for one thread. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "podo/podo_c.h"
#include "preload/arbiter.h"
#include "preload/environment.h"
#include "preload/futex.h"
#include "preload/hooks.h"
#include "preload/real_calls.h"

/* How long a process must live to be profiled. `true`, `ls`, configure tests end in 1 to 10 ms;
 * loading the engine costs about as much, so that longer ones pay at most a third of their life. */
enum { kDelayMs = 30 };
/* How long fork() and exit() wait for a load that is under way (it takes some 10 ms). The bound is
 * reached only if the load itself waits for the forking thread: one that forks from a constructor
 * inside dlopen, or whose allocator has locked itself for the fork. */
enum { kMaxWaitMs = 500 };
/* The engine's libraries run their constructors on this stack; unused pages cost nothing. */
enum { kStackBytes = 512 * 1024 };

/* Bit 0: the engine is being loaded. Bit 1: never load. Above: forks under way, in steps of 4.
 * The load and a fork exclude each other by changing this one word; sequentially consistent. */
enum { kLoading = 1, kNever = 2, kFork = 4 };
static atomic_int g_load;

static const char* const* g_environment;
static podo_preload_calls g_calls;

typedef struct Engine {
  podo_status (*start)(const podo_options*);
  void (*attach)(const podo_preload_calls*);
  void (*host_takes_signal)(void);
} Engine;

/* Bound while this library is loaded if the program itself links podo, else NULL. */
__attribute__((weak)) podo_status podo_start(const podo_options* options);
__attribute__((weak)) void podo_internal_attach(const podo_preload_calls* calls);
__attribute__((weak)) void podo_internal_host_takes_signal(void);

/* One write, so that lines of several processes do not mix. */
static void LogLine(bool warning, const char* what, const char* detail) {
  if (!EnvironmentAllowsLog(g_environment, warning)) return;
  char line[1024];
  int size = snprintf(line, sizeof line - 1, "podo: %s%s", what, detail);
  if (size < 0) return;
  if (size > (int)sizeof line - 2) size = (int)sizeof line - 2;
  for (int i = 0; i < size; ++i) {
    if ((unsigned char)line[i] < 0x20) line[i] = ' ';
  }
  line[size++] = '\n';
  (void)!write(STDERR_FILENO, line, (size_t)size);
}

/* False if one of the three is missing. */
static bool FindEngine(void* handle, Engine* engine) {
  void* const found[] = {dlsym(handle, "podo_start"), dlsym(handle, "podo_internal_attach"),
                         dlsym(handle, "podo_internal_host_takes_signal")};
  memcpy(&engine->start, &found[0], sizeof found[0]);
  memcpy(&engine->attach, &found[1], sizeof found[1]);
  memcpy(&engine->host_takes_signal, &found[2], sizeof found[2]);
  return engine->start != NULL && engine->attach != NULL && engine->host_takes_signal != NULL;
}

static void Attach(const Engine* engine) {
  ArbiterOnTaken(engine->host_takes_signal);
  engine->attach(&g_calls);
}

/* dlerror() names the file as it was asked for, "$ORIGIN/libpodo.so", so say where that is. */
static void LogNotLoaded(void) {
  const char* const reason = dlerror();
  Dl_info self = {0};
  dladdr(&g_calls, &self);
  char detail[900];
  snprintf(detail, sizeof detail, "%s: %s", self.dli_fname != NULL ? self.dli_fname : "the stub",
           reason != NULL ? reason : "dlopen failed");
  LogLine(false, "not profiling: cannot load libpodo.so beside ", detail);
}

static void LoadAndStart(void) {
  Engine engine;
  if (!FindEngine(RTLD_DEFAULT, &engine)) {
    /* $ORIGIN is this library's directory as of its own loading: no search path, no dependence on
     * where the host has changed its directory to. */
    void* const handle = dlopen("$ORIGIN/libpodo.so", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
      LogNotLoaded();
      return;
    }
    if (!FindEngine(handle, &engine)) {
      LogLine(false, "not profiling: libpodo.so beside libpodo_preload.so is of another version",
              "");
      return;
    }
  }
  Attach(&engine);
  const podo_status status = engine.start(NULL);
  if (status.code != PODO_OK && status.code != PODO_ALREADY_STARTED &&
      status.code != PODO_DISABLED) {
    LogLine(true, "not profiling: ", status.message);
  }
}

static void SleepMs(long ms) {
  const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* Waits until no fork is under way and marks the load; false if it must never happen. */
static bool BeginLoad(void) {
  for (;;) {
    int idle = 0;
    if (atomic_compare_exchange_strong(&g_load, &idle, kLoading)) return true;
    if (idle & kNever) return false;
    SleepMs(1); /* a fork takes some 100 us; a storm of them only puts the start off */
  }
}

static void* LoaderThread(void* unused) {
  (void)unused;
  SleepMs(kDelayMs);
  if (!BeginLoad()) return NULL;
  LoadAndStart();
  atomic_fetch_and(&g_load, ~kLoading);
  FutexWake(&g_load, 1 << 30);
  return NULL;
}

/* Bounded, see kMaxWaitMs. */
static void AwaitLoad(void) {
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int state = atomic_load(&g_load); state & kLoading; state = atomic_load(&g_load)) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long waited_ms =
        (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
    if (waited_ms >= kMaxWaitMs) return;
    const struct timespec slice = {0,
                                   10 * 1000000}; /* other forks change the word without a wake */
    FutexWait(&g_load, state, &slice);
  }
}

/* A child forked in the middle of dlopen would inherit a half-built list of libraries. First the
 * fork is counted, then it waits: a load that has not begun by then begins after the fork. */
static void BeforeFork(void) {
  atomic_fetch_add(&g_load, kFork);
  AwaitLoad();
}

static void AfterForkInParent(void) { atomic_fetch_sub(&g_load, kFork); }

/* The child has no loader thread; fork children are not profiled. */
static void AfterForkInChild(void) {
  atomic_store(&g_load, kNever);
  ArbiterAfterForkInChild();
}

/* The loader would run constructors and start threads while exit() takes libraries down. */
__attribute__((destructor)) static void OnExit(void) {
  atomic_fetch_or(&g_load, kNever);
  AwaitLoad();
}

static int StartLoaderThread(void) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  /* All signals blocked before the thread exists: it must never run a handler of the host, nor be
   * the thread that a signal for the process is given to. */
  sigset_t all;
  sigset_t mask;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  pthread_t thread;
  error = pthread_create(&thread, &attributes, LoaderThread, NULL);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

__attribute__((constructor)) static void OnLoad(void) {
  GetRealCalls();
  /* With AT_SECURE the environment belongs to somebody with fewer rights: nothing of it counts. */
  if (getauxval(AT_SECURE) != 0 || !EnvironmentAllowsPodo()) return;
  /* An allocator that registers fork handlers at its first use does so here, before ours: prepare
   * handlers run last-first, so ours waits for the load while the allocator is still unlocked. */
  g_environment = CopyEnvironment();
  if (pthread_atfork(BeforeFork, AfterForkInParent, AfterForkInChild) != 0) return;
  g_calls = (podo_preload_calls){sizeof g_calls,   ArbiterSigaction, ArbiterSetitimer,
                                 ArbiterGetitimer, g_environment,    ArbiterSwallowedTicks};
  ArbiterStart();
  if (podo_start != NULL && podo_internal_attach != NULL &&
      podo_internal_host_takes_signal != NULL) {
    const Engine linked = {podo_start, podo_internal_attach, podo_internal_host_takes_signal};
    Attach(&linked); /* now, because the program may call podo::Start() first thing in main */
  }
  const int error = StartLoaderThread();
  if (error != 0) LogLine(false, "not profiling: cannot start a thread: ", strerror(error));
}
