// SPDX-License-Identifier: Apache-2.0
// Prints how long podo_start() took, in nanoseconds, once a process.
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "podo/podo_c.h"

int main() {
  timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  const podo_status status = podo_start(nullptr);
  clock_gettime(CLOCK_MONOTONIC, &end);
  if (status.code != PODO_OK) {
    std::fprintf(stderr, "podo_start: %s\n", status.message);
    return 1;
  }
  const int64_t ns = (end.tv_sec - begin.tv_sec) * 1'000'000'000 + end.tv_nsec - begin.tv_nsec;
  std::printf("%ld\n", ns);
  std::fflush(stdout);
  _exit(0);
}
