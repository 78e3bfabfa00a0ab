/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/engine.h"

#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "podo/podo_c.h"
#include "preload/arbiter.h"
#include "preload/environment.h"
#include "preload/hooks.h"

static podo_preload_calls g_calls;
static ArbiterHooks g_hooks;
static bool g_attached; /* written before main or by the loader thread, which is created later */

typedef struct Engine {
  podo_status (*start)(const podo_options*);
  void (*attach)(const podo_preload_calls*);
  ArbiterHooks hooks;
} Engine;

/* Bound while this library is loaded if the program itself links podo, else NULL. */
__attribute__((weak)) podo_status podo_start(const podo_options* options);
__attribute__((weak)) void podo_internal_attach(const podo_preload_calls* calls);
__attribute__((weak)) void podo_internal_host_takes_signal(void);
__attribute__((weak)) void podo_internal_host_execs(int begins);
__attribute__((weak)) int podo_internal_is_tick(const siginfo_t* info);

/* Number 2 is stderr still, and nothing can happen on it that would end or hold up the host: a pipe
 * without reader or without room. */
static bool MayWriteToStderr(void) {
  struct stat now;
  struct pollfd waiting = {STDERR_FILENO, POLLOUT, 0};
  return g_calls.stderr_open && fstat(STDERR_FILENO, &now) == 0 &&
         now.st_dev == g_calls.stderr_device && now.st_ino == g_calls.stderr_inode &&
         poll(&waiting, 1, 0) == 1 && waiting.revents == POLLOUT;
}

/* One write, so that lines of several processes do not mix. */
void EngineLog(const char* what, const char* detail) {
  if (!EnvironmentAllowsLog(g_calls.environment) || !MayWriteToStderr()) return;
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

static bool IsWhole(const Engine* engine) {
  return engine->start != NULL && engine->attach != NULL && engine->hooks.taken != NULL &&
         engine->hooks.execs != NULL && engine->hooks.is_tick != NULL;
}

/* False if one of the functions is missing. */
static bool FindEngine(void* handle, Engine* engine) {
  void* const found[] = {dlsym(handle, "podo_start"), dlsym(handle, "podo_internal_attach"),
                         dlsym(handle, "podo_internal_host_takes_signal"),
                         dlsym(handle, "podo_internal_host_execs"),
                         dlsym(handle, "podo_internal_is_tick")};
  memcpy(&engine->start, &found[0], sizeof found[0]);
  memcpy(&engine->attach, &found[1], sizeof found[1]);
  memcpy(&engine->hooks.taken, &found[2], sizeof found[2]);
  memcpy(&engine->hooks.execs, &found[3], sizeof found[3]);
  memcpy(&engine->hooks.is_tick, &found[4], sizeof found[4]);
  return IsWhole(engine);
}

static void Attach(const Engine* engine) {
  if (g_attached) return; /* a linked engine may be running on the table already */
  g_attached = true;
  g_hooks = engine->hooks;
  ArbiterSetHooks(&g_hooks);
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
  EngineLog("not profiling: cannot load libpodo.so beside ", detail);
}

/* The engine and its libraries take 30 MiB of address space, and it leaves 64 MiB to the host. With
 * less than that (RLIMIT_AS) dlopen would still work at times, and libc end the process later. */
static bool HasAddressSpace(void) {
  const size_t bytes = (size_t)96 << 20;
  void* const probe =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return probe != MAP_FAILED && munmap(probe, bytes) == 0;
}

void EngineLoadAndStart(void) {
  Engine engine;
  if (!FindEngine(RTLD_DEFAULT, &engine)) {
    if (!HasAddressSpace()) {
      EngineLog("not profiling: less than 96 MiB of address space left", "");
      return;
    }
    /* $ORIGIN is this library's directory as of its own loading: no search path, no dependence on
     * where the host has changed its directory to. */
    void* const handle = dlopen("$ORIGIN/libpodo.so", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
      LogNotLoaded();
      return;
    }
    if (!FindEngine(handle, &engine)) {
      EngineLog("not profiling: libpodo.so beside libpodo_preload.so is of another version", "");
      return;
    }
  }
  Attach(&engine);
  engine.start(NULL); /* says by itself why, if it does not profile */
}

void EnginePrepare(const char* const* environment) {
  struct stat first = {0};
  const int open = fstat(STDERR_FILENO, &first) == 0;
  g_calls = (podo_preload_calls){sizeof g_calls,
                                 ArbiterSigaction,
                                 ArbiterSetitimer,
                                 ArbiterGetitimer,
                                 environment,
                                 ArbiterSwallowedTicks,
                                 open,
                                 first.st_dev,
                                 first.st_ino};
  const Engine linked = {
      podo_start,
      podo_internal_attach,
      {podo_internal_host_takes_signal, podo_internal_host_execs, podo_internal_is_tick}};
  if (!IsWhole(&linked)) return;
  Attach(&linked); /* now, because the program may call podo::Start() first thing in main */
}
