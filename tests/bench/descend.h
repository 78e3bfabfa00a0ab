// SPDX-License-Identifier: Apache-2.0
// A stack of thirty different frames and, at its lower end, the loop that sends SIGPROF to itself.
//
// Included by two files that are compiled with and without frame pointers; everything is local to
// the including file, so that the linker cannot make one of both.
#ifndef PODO_TESTS_BENCH_DESCEND_H_
#define PODO_TESTS_BENCH_DESCEND_H_

#include <signal.h>
#include <sys/syscall.h>

#include <cstdint>

#include "rounds.h"

namespace podo::bench {
namespace {

inline uint64_t Cycles() {
  uint32_t low, high;
  __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
  return uint64_t{high} << 32 | low;
}

// tgkill to the own thread: the handler has run when the call comes back.
inline void Tick(const Block& block) {
  long result = SYS_tgkill;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(block.pid), "S"(block.tid), "d"(SIGPROF)
                   : "rcx", "r11", "memory");
}

[[gnu::noinline]] void Leaf(Block* block) {
  for (int i = 0; i < block->count; ++i) {
    for (uint64_t at = 0; at < block->evict_bytes; at += 64)
      block->evict[at] = static_cast<char>(i);
    const uint64_t begin = Cycles();
    Tick(*block);
    const uint64_t end = Cycles();
    block->cycles[i] = block->body != nullptr ? *block->body : end - begin;
  }
}

// Every depth has a frame of its own size and code, hence an unwind row of its own.
template <int kDepth>
[[gnu::noinline]] void Descend(Block* block) {
  volatile char pad[16 * (kDepth % 5) + 8];
  pad[0] = kDepth;
  if constexpr (kDepth == 0) {
    Leaf(block);
  } else {
    Descend<kDepth - 1>(block);
  }
  pad[1] = pad[0];  // not a tail call
}

}  // namespace
}  // namespace podo::bench

#endif  // PODO_TESTS_BENCH_DESCEND_H_
