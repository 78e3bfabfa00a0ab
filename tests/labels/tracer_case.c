/* SPDX-License-Identifier: Apache-2.0 */
/* A program whose tracer publishes thread contexts (OTEP 4947), in one of several ways.
 * With TRACER_IN_PROGRAM the program itself defines the variable, else a library does that comes by
 * dlopen; UNDER_PRELOAD it knows nothing of podo. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "podo/context_c.h"
#include "podo/podo_c.h"
#include "tracer.h"

#ifdef TRACER_IN_PROGRAM
__thread const void* otel_thread_ctx_v1;
static const void** Variable(const char* unused) {
  (void)unused;
  return &otel_thread_ctx_v1;
}
#else
static const void** Variable(const char* library) {
  void* handle = dlopen(library, RTLD_NOW);
  const void** (*variable)(void) = 0;
  void* symbol = handle != 0 ? dlsym(handle, "TracerVariable") : 0;
  memcpy(&variable, &symbol, sizeof symbol);
  return variable != 0 ? variable() : 0;
}
#endif

static double CpuSeconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void Burn(double seconds) {
  const double end = CpuSeconds() + seconds;
  unsigned work = 0;
  while (CpuSeconds() < end) {
    for (int i = 0; i < 10000; ++i) __asm__ volatile("" : "+r"(work));
  }
}

/* Each stays on the stack under its own name: no tail call, no folding of equal code. */
#define BURNER(name)                                        \
  __attribute__((noinline)) static void burn_##name(void) { \
    Burn(0.4);                                              \
    __asm__ volatile("# " #name);                           \
  }
BURNER(traced)
BURNER(untraced)
BURNER(scoped)

int main(int argc, char** argv) {
  const void** variable = Variable(argc > 2 ? argv[2] : "");
  if (variable == 0 || argc < 2) return 1;
#ifndef UNDER_PRELOAD
  podo_start(0);
#endif
  Burn(0.2); /* podo looks for tracers on a thread of its own */
  static struct TracerRecord record = {.trace_id = {0xAB, 1}, .span_id = {0xCD}, .valid = 1};
  const int wild = strcmp(argv[1], "wild") == 0;
  if (strcmp(argv[1], "invalid") == 0) record.valid = 0;
  *variable = wild ? (const void*)0x10 : (const void*)&record;
  burn_traced();
  *variable = 0;
  burn_untraced();
#ifndef UNDER_PRELOAD
  const uint8_t trace[16] = {0x77}, span[8] = {0x88};
  podo_scope scope;
  podo_span_enter(&scope, trace, span, "own", 3);
  burn_scoped();
  printf("tracers_variable_kept %d\n", *variable == 0);
  podo_scope_leave(&scope);
  podo_stop(UINT64_C(5000000000));
#else
  burn_scoped();
#endif
  return 0;
}
