// SPDX-License-Identifier: Apache-2.0
// What one block of ticks measures, shared by the program and its two stacks.
#ifndef PODO_TESTS_BENCH_ROUNDS_H_
#define PODO_TESTS_BENCH_ROUNDS_H_

#include <cstddef>
#include <cstdint>

namespace podo::bench {

inline constexpr int kDepth = 30;
inline constexpr int kMaxTicks = 64;

struct Block {
  long pid;
  long tid;
  int count;             // ticks, at most kMaxTicks
  char* evict;           // written before every tick
  uint64_t evict_bytes;  // 0: caches stay warm
  const uint64_t* body;  // where the handler left its own cycles; null: time the whole round trip
  uint64_t cycles[kMaxTicks];
};

void RunPlain(Block* block);   // on frames without frame pointers
void RunFramed(Block* block);  // on frames with frame pointers

}  // namespace podo::bench

#endif  // PODO_TESTS_BENCH_ROUNDS_H_
