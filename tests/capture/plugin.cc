// SPDX-License-Identifier: Apache-2.0
// A plugin that is loaded and unloaded under sampling. Built several times: NAME_entry calls
// NAME_burn, so that a stack in which another plugin's function stands under them is wrong.
#include <cstdint>

#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)

namespace {
#ifdef WIDE
thread_local uint64_t calls_of_this_thread[64];
#endif
volatile uint64_t sink;
}  // namespace

extern "C" {

// External, so that it keeps its name also in .dynsym.
__attribute__((noinline)) uint64_t JOIN(NAME, _burn)(uint64_t rounds) {
  uint64_t value = SEED;
#ifdef WIDE
  volatile uint64_t spread[96] = {};  // another frame size than the other plugins'
  for (uint64_t i = 0; i < rounds; ++i) spread[i % 96] = spread[(i + SEED) % 96] + i;
  value += spread[7] + ++calls_of_this_thread[rounds % 64];
#endif
  for (uint64_t i = 0; i < rounds; ++i) value = value * 6364136223846793005u + SEED;
  sink = value;
  return value;
}

__attribute__((noinline)) uint64_t JOIN(NAME, _entry)(uint64_t rounds) {
  return JOIN(NAME, _burn)(rounds) + SEED;  // no tail call
}
}
