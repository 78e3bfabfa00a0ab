/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the engine, but only into processes that live long enough to be worth it.
 *
 * LD_PRELOAD is inherited by whole process trees, and most of their processes end within
 * milliseconds. So the constructor starts one small thread that sleeps, then loads libpodo.so from
 * beside this library, starts it and ends. A process that ends before pays for one thread. */
#include "preload/loader.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "preload/arbiter.h"
#include "preload/engine.h"
#include "preload/environment.h"
#include "preload/futex.h"
#include "preload/real_calls.h"

/* How long a process must live to be profiled. `true`, `ls`, configure tests end in 1 to 10 ms;
 * loading the engine costs about as much, so that longer ones pay at most a third of their life. */
enum { kDelayMs = 30 };
/* How long fork() and exit() wait for a load that is under way (it takes some 10 ms). The bound is
 * reached only if the load itself waits for the forking thread: one that forks from a constructor
 * inside dlopen, or whose allocator has locked itself for the fork. */
enum { kMaxWaitMs = 500 };
/* The engine's libraries run their constructors on this stack; unused pages cost nothing. */
enum { kStackBytes = 512 * 1024, kRoomForTls = 8 * 1024 * 1024 };

/* kLoading: the engine is being loaded. kNever: it must not be any more. kLeave: the thread that
 * sleeps shall end. Above: forks under way, in steps of kFork. Load, fork and leaving exclude each
 * other by changing this one word; sequentially consistent. */
enum { kLoading = 1, kNever = 2, kLeave = 4, kFork = 8 };
static atomic_int g_load;

static atomic_int g_alone_lock; /* guards what follows, except for the reads its comments allow */
static pthread_t g_thread;      /* joinable while g_sleeping */
static atomic_bool g_sleeping; /* the thread exists and has not begun to load; read by itself too */
static atomic_int g_tid;       /* its kernel id, written by itself before it sleeps */
static struct timespec g_load_time; /* CLOCK_MONOTONIC; fixed before the thread starts */
static bool g_follows_forks;        /* PODO_FORK=child; fixed before main */

static void SleepMs(long ms) {
  const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* Nanoseconds from now to `time`, negative if it is past. */
static long long UntilNs(const struct timespec* time) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (time->tv_sec - now.tv_sec) * 1000000000LL + (time->tv_nsec - now.tv_nsec);
}

/* Until g_load_time, or until somebody asks the thread to leave: that, and every fork, changes the
 * word. libc's own signal for setuid may end the wait early as well. */
static void SleepUntilLoadTime(void) {
  for (;;) {
    const int state = atomic_load(&g_load);
    const long long left_ns = UntilNs(&g_load_time);
    if (left_ns <= 0 || (state & (kLeave | kNever))) return;
    const struct timespec left = {left_ns / 1000000000, left_ns % 1000000000};
    FutexWait(&g_load, state, &left);
  }
}

/* Waits until no fork is under way and marks the load; false if it must not happen. */
static bool BeginLoad(void) {
  for (;;) {
    int idle = 0;
    if (atomic_compare_exchange_strong(&g_load, &idle, kLoading)) return true;
    if (idle & (kNever | kLeave)) return false;
    SleepMs(1); /* a fork takes some 100 us; a storm of them only puts the start off */
  }
}

static void* LoaderThread(void* unused) {
  (void)unused;
  atomic_store(&g_tid, (int)syscall(SYS_gettid));
  SleepUntilLoadTime();
  if (!BeginLoad()) return NULL;
  atomic_store(&g_sleeping, false);
  pthread_detach(pthread_self());
  EngineLoadAndStart();
  atomic_fetch_and(&g_load, ~kLoading);
  FutexWake(&g_load, INT_MAX);
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

/* All signals must be blocked: the thread must never run a handler of the host, nor be the one that
 * a signal for the process is given to. */
static int StartLoaderThread(void) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  pthread_attr_setstacksize(&attributes, kStackBytes);
  atomic_store(&g_tid, 0);
  atomic_store(&g_sleeping, true);
  error = pthread_create(&g_thread, &attributes, LoaderThread, NULL);
  if (error == EINVAL) { /* no room on it for the program's thread-locals */
    pthread_attr_setstacksize(&attributes, kStackBytes + kRoomForTls);
    error = pthread_create(&g_thread, &attributes, LoaderThread, NULL);
  }
  if (error != 0) atomic_store(&g_sleeping, false);
  pthread_attr_destroy(&attributes);
  return error;
}

static void LoadLater(void) {
  clock_gettime(CLOCK_MONOTONIC, &g_load_time);
  g_load_time.tv_nsec += kDelayMs * 1000000L; /* UntilNs needs no carry */
}

/* The child has no loader thread. With PODO_FORK=child it gets one if the parent's had not begun to
 * load; later the engine sees to the child by itself, and without, it is not profiled. */
static void AfterForkInChild(void) {
  const bool begins =
      g_follows_forks && atomic_load(&g_sleeping) && !(atomic_load(&g_load) & (kLoading | kNever));
  atomic_store(&g_load, begins ? 0 : kNever);
  atomic_store(&g_sleeping, false);
  atomic_store(&g_alone_lock, 0);
  ArbiterAfterForkInChild();
  if (!begins) return;
  LoadLater();
  const sigset_t mask = FutexLock(&g_alone_lock);
  StartLoaderThread();
  FutexUnlock(&g_alone_lock, &mask);
}

/* The loader would run constructors and start threads while exit() takes libraries down. */
__attribute__((destructor)) static void OnExit(void) {
  if (!ArbiterIsOwner()) return; /* also where nothing was ever started */
  atomic_fetch_or(&g_load, kNever);
  AwaitLoad();
}

/* The lock is held. False if the load has begun: the thread is the engine's business now. */
static bool TellToLeave(void) {
  int state = atomic_load(&g_load);
  do {
    if ((state & (kLoading | kNever)) || !atomic_load(&g_sleeping)) return false;
  } while (!atomic_compare_exchange_weak(&g_load, &state, state | kLeave));
  FutexWake(&g_load, INT_MAX);
  return true;
}

/* pthread_join returns a moment before the kernel stops counting the thread. */
static void AwaitGone(int tid) {
  for (int i = 0; i < 100 && syscall(SYS_tgkill, getpid(), tid, 0) == 0; ++i) {
    const struct timespec pause = {0, 100000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
  }
}

AloneScope LoaderBeginAlone(void) {
  AloneScope scope;
  scope.left = false;
  if (!atomic_load(&g_sleeping) || !ArbiterIsOwner()) return scope;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &scope.cancel_state); /* for pthread_join */
  scope.mask = FutexLock(&g_alone_lock);
  scope.left = TellToLeave();
  if (scope.left) {
    pthread_join(g_thread, NULL);
    AwaitGone(atomic_load(&g_tid));
    atomic_store(&g_sleeping, false);
    return scope;
  }
  FutexUnlock(&g_alone_lock, &scope.mask);
  pthread_setcancelstate(scope.cancel_state, NULL);
  return scope;
}

/* pthread_create takes the stack of the thread that left out of libc's cache and allocates nothing,
 * which matters to a signal handler that calls setuid(). */
void LoaderEndAlone(const AloneScope* scope) {
  if (!scope->left) return;
  const int saved_errno = errno;
  atomic_fetch_and(&g_load, ~kLeave);
  StartLoaderThread();
  FutexUnlock(&g_alone_lock, &scope->mask);
  pthread_setcancelstate(scope->cancel_state, NULL);
  errno = saved_errno;
}

__attribute__((constructor)) static void OnLoad(void) {
  GetRealCalls();
  /* With AT_SECURE the environment belongs to somebody with fewer rights: nothing of it counts. */
  if (getauxval(AT_SECURE) != 0 || !EnvironmentAllowsPodo()) return;
  /* An allocator that registers fork handlers at its first use does so here, before ours: prepare
   * handlers run last-first, so ours waits for the load while the allocator is still unlocked. */
  const char* const* const environment = CopyEnvironment();
  if (pthread_atfork(BeforeFork, AfterForkInParent, AfterForkInChild) != 0) return;
  LoadLater();
  g_follows_forks = EnvironmentFollowsForks(environment);
  ArbiterUseSignal(EnvironmentSignal(environment));
  ArbiterStart();
  EnginePrepare(environment);
  const sigset_t mask = FutexLock(&g_alone_lock);
  const int error = StartLoaderThread();
  FutexUnlock(&g_alone_lock, &mask);
  if (error != 0) EngineLog("not profiling: cannot start a thread: ", strerror(error));
}
