// SPDX-License-Identifier: Apache-2.0
// A ring of raw samples: one thread (in its signal handler) writes, podo's drain reads.
//
// Single producer, single consumer, words as units. The producer owns `head`, the consumer owns
// `tail`; each publishes its own with release and reads the other's with acquire:
//   head release -> acquire: the words before head are visible to the drain;
//   tail release -> acquire: the drain has copied the words out, the handler may overwrite them.
// Both count words since the ring was claimed and never wrap in practice (2^64).
#ifndef PODO_LIB_CAPTURE_RING_H_
#define PODO_LIB_CAPTURE_RING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "capture/rule_memo.h"

namespace podo::capture {

inline constexpr uint32_t kRingWords = 8192;  // 64 KiB: 2 s at 100 Hz and depth 40
static_assert((kRingWords & (kRingWords - 1)) == 0);

// All-zero bytes are a free ring: memory wiped by the kernel (MADV_WIPEONFORK) is valid.
struct Ring {
  // Who is inside, 0: nobody. Set by compare-exchange (seq_cst), so that it is ordered before the
  // loads of `armed` and of the snapshot pointer that follow: whoever retires a snapshot or stops
  // capture first makes the change visible (seq_cst) and then waits until it has seen 0 here. A
  // handler that finds itself in a ring that was wiped meanwhile takes back its own mark only.
  std::atomic<uint32_t> busy;
  std::atomic<uint32_t> tid;    // owner's kernel id; 0 = unowned. Release by the owner on claim.
  std::atomic<uint64_t> owner;  // owner's thread pointer: detects a ring wiped under its owner
  // On one line: it is cold at most ticks, and the drain writes `tail` a few times a second only.
  std::atomic<uint64_t> head;
  std::atomic<uint64_t> tail;
  // The owner has a CPU timer of its own: ticks of the process timer count nothing here. Relaxed,
  // by the drain; a tick that sees the old value is one too many.
  std::atomic<uint32_t> timed;
  RuleMemo memo;  // the handler's alone
  alignas(4096) uint64_t words[kRingWords];

  // Producer side: how many words may be written now.
  uint64_t FreeWords() const noexcept {
    return kRingWords -
           (head.load(std::memory_order_relaxed) - tail.load(std::memory_order_acquire));
  }
};
static_assert(sizeof(Ring) == 4096 + kRingWords * sizeof(uint64_t));

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_RING_H_
