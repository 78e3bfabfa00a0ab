/* SPDX-License-Identifier: Apache-2.0 */
/* A host in C that knows neither libstdc++ nor libgcc_s and opens podo late, as plugins do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <stdio.h>

static int count_library(struct dl_phdr_info* library, size_t size, void* count) {
  (void)library, (void)size;
  ++*(int*)count;
  return 0;
}

int main(int argc, char** argv) {
  void* podo = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
  if (podo == NULL) {
    fprintf(stderr, "%s\n", argc > 1 ? dlerror() : "usage: host LIBRARY");
    return 2;
  }
  const char* (*version)(void) = (const char* (*)(void))dlsym(podo, "podo_version");
  void* addresses[16];
  int libraries = 0;
  dl_iterate_phdr(count_library, &libraries);
  return version != NULL && backtrace(addresses, 16) > 1 && libraries > 2 ? 0 : 1;
}
