// SPDX-License-Identifier: Apache-2.0
// Everything the signal handler may touch, in one place and one mapping.
//
// The mapping is MADV_WIPEONFORK: in a fork child it reads as zeros, so `armed` is 0 there whatever
// way the child came about, and MADV_DONTDUMP: stack copies never reach a core file. It is never
// unmapped: a handler may be preempted right after reading g_state.
#ifndef PODO_LIB_CAPTURE_STATE_H_
#define PODO_LIB_CAPTURE_STATE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "capture/ring.h"
#include "capture/snapshot.h"
#include "model/raw_sample.h"

namespace podo::capture {

// glibc's thread block (struct pthread), or a place before it: the thread pointer is its first byte
// on x86_64; on aarch64 it is the first behind it (TLS_DTV_AT_TP), and the block has some 1900
// bytes.
inline uint64_t ThreadBlock(uint64_t thread_pointer) {
#if defined(__aarch64__)
  return thread_pointer - 2048;
#else
  return thread_pointer;
#endif
}

// Where glibc keeps a thread's id and stack in its thread block, as offsets from ThreadBlock().
// Private to glibc, hence measured at start on threads whose values are known
// (thread_layout.h); 0 = not known, then the handler asks the kernel.
struct ThreadLayout {
  uint32_t tid_offset;
  uint32_t stack_offset;  // of {stackblock, stackblock_size}
};

// Ticks by what became of them, in periods: one that came late stands for several. Relaxed
// counters: each stands for itself; exact sums are only read after the timer is off. ticks = taken
// + the dropped and unsampled ones.
struct Counters {
  std::atomic<uint64_t> ticks, taken, ring_full, no_ring, nested, small_stack, paused, foreign;
  // Of the taken ones:
  std::atomic<uint64_t> truncated, incomplete, residue, residue_limited, frame_pointer;
  // Of all: periods that had passed before their tick was delivered.
  std::atomic<uint64_t> overruns;
  // Time in the handler and, as far as it can be told, in the kernel before and after it.
  std::atomic<uint64_t> cycles;

  void Reset() {
    for (auto* counter : {&ticks, &taken, &ring_full, &no_ring, &nested, &small_stack, &paused,
                          &foreign, &truncated, &incomplete, &residue, &residue_limited,
                          &frame_pointer, &overruns, &cycles}) {
      counter->store(0, std::memory_order_relaxed);
    }
  }
};

// Bits of one word. While a large program's tables are built (0.2 s for a compiler's) every tick
// needs a slot.
inline constexpr uint32_t kResiduePoolSize = 64;
inline constexpr uint32_t kMaxRings = 65536;

// PODO_MAX_OVERHEAD. Zeros: all is sampled as asked for. Relaxed: a tick that sees an old value
// weighs, or costs, what the one before it did.
struct Throttle {
  // Periods that a tick leaves out; it stands for one more. One less than a power of two.
  std::atomic<uint32_t> left_out;
  std::atomic<uint32_t> paused;        // no tick is sampled, nor counted
  std::atomic<uint32_t> itimer_ticks;  // while some of them are left out
  // base::CycleCount(): what a signal costs beside its handler, and the most that one tick counts:
  // what goes beyond it was another thread's, that the scheduler ran meanwhile.
  std::atomic<uint64_t> delivery_cycles;
  std::atomic<uint64_t> most_cycles;
};

struct State {
  // 1 while ticks are to be sampled. seq_cst on both sides, see Ring::busy.
  std::atomic<uint32_t> armed;
  uint32_t ring_count;
  uint32_t pid;
  uint32_t reader_tid;  // whom checked copies ask for: a thread that lives (main may have left)
  std::atomic<uint32_t> max_frames;  // relaxed: PODO_MAX_OVERHEAD may lower it
  uint32_t sample_foreign;  // tests only: sample SIGPROF sent by tgkill as if it were a tick
  std::atomic<uint32_t> uses_itimer;  // else its ticks are the host's. Relaxed: set before arming
  std::atomic<uint32_t> uses_perf;    // likewise, of signals that descriptors send
  uint64_t main_stack_bytes;          // how far below __libc_stack_end the main stack may reach

  // Published by release, read by acquire: both halves at once, 0 = unknown.
  std::atomic<uint64_t> layout;

  // Release by SnapshotStore, acquire (after busy's exchange) by the handler.
  std::atomic<const Snapshot*> snapshot;

  Counters counters;  // the two that every sample counts are on the line of all above

  Throttle throttle;

  // Where another module of the process keeps its otel_thread_ctx_v1, from the thread pointer; 0:
  // nowhere, or not in static TLS. Relaxed: the variable is there for as long as the process.
  std::atomic<int64_t> foreign_record;

  // A pc without a module: asks the background to look for new modules. Relaxed hint.
  std::atomic<uint64_t> unknown_pc;

  // Free residue slots, one bit each. Handler: CAS acquire takes a bit. Background: fetch_or
  // release gives it back after the bytes are wiped. Ready: handler fetch_or release, background
  // acquire.
  std::atomic<uint64_t> residue_free;
  std::atomic<uint64_t> residue_ready;

  // One past the highest ring ever claimed: bounds the scans. Raised by CAS (seq_cst) after a
  // claim, before the ring is entered.
  std::atomic<uint32_t> high_water;
  // Free rings, one bit each. Handler: CAS acquire takes a bit (pairs with the release of the
  // reclaiming drain, so a recycled ring's reset is visible).
  std::atomic<uint64_t> free_rings[kMaxRings / 64];

  Ring* rings;               // ring_count of them
  model::Residue* residues;  // kResiduePoolSize of them
};

// The one pointer the handler needs. Set once with release before the handler is installed.
extern std::atomic<State*> g_state;

// What a timer's signal carries (sival_ptr) is an address nobody else has: of a thread's own timer,
// and of the process'.
inline const void* ThreadTick(const State& state) { return &state.armed; }
inline const void* ProcessTick(const State& state) { return &state.ring_count; }

inline uint64_t Pack(ThreadLayout layout) {
  return uint64_t{layout.tid_offset} << 32 | layout.stack_offset;
}
inline ThreadLayout Unpack(uint64_t packed) {
  return {static_cast<uint32_t>(packed >> 32), static_cast<uint32_t>(packed)};
}

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_STATE_H_
