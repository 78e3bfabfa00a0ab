// SPDX-License-Identifier: Apache-2.0
// What the signal handler records: one raw sample a tick, as words in a ring.
//
// Layout of a record: the header (kRawHeaderWords words), with kRawSpan the ids of the span
// (kSpanWords words), then `frames` addresses, leaf first. An
// address is already the one to look up: the leaf's pc, and inside the call instruction (return
// address - 1) for every caller.
#ifndef PODO_LIB_MODEL_RAW_SAMPLE_H_
#define PODO_LIB_MODEL_RAW_SAMPLE_H_

#include <cstddef>
#include <cstdint>

#include "model/thread_slot.h"

namespace podo::model {

// Why a stack ends where it ends, and how it was found. Bits, combined.
enum RawFlag : uint16_t {
  kRawComplete = 1 << 0,        // reached the outermost frame
  kRawTruncated = 1 << 1,       // cut at PODO_MAX_FRAMES
  kRawUnknownCode = 1 << 2,     // stopped at code without unwind rows
  kRawUnsupportedRow = 1 << 3,  // stopped at a row the table cannot express
  kRawOutOfBounds = 1 << 4,     // the next frame lay outside the readable stack
  kRawFramePointer = 1 << 5,    // a frame was found by frame pointer only
  kRawForeignStack = 1 << 6,    // walked in a kernel-checked copy (fiber, alternate stack)
  kRawMaybeAsleep = 1 << 7,     // the tick interrupted a system call: maybe another thread's tick
  kRawResidue = 1 << 8,         // finished by libunwind on the background side
  kRawResidueLimited = 1 << 9,  // wanted libunwind, but the pool or the rate was spent
  kRawReusedAddress = 1 << 10,  // cut at code whose module was replaced since the last check
  kRawSpan = 1 << 11,           // the thread worked for a span; its ids come before the frames
  kRawUnsure = 1 << 12,         // a frame's module was gone, or not known, at the time: whether
                                // another one stood there may show later
};

// First words of a record.
struct RawHeader {
  uint16_t words;  // size of the whole record in 8-byte words, header included
  uint16_t flags;  // RawFlag
  uint16_t frames;
  // Periods that passed before this tick was delivered, or that a lowered rate leaves out
  // (PODO_MAX_OVERHEAD); it stands for one more.
  uint16_t overruns;
  uint32_t generation;  // of the module snapshot the walk used
  uint32_t label_set;   // context/label_sets.h; 0 = none
};
inline constexpr size_t kRawHeaderWords = sizeof(RawHeader) / sizeof(uint64_t);
static_assert(sizeof(RawHeader) == 16);

// Words between the header and the frames.
inline uint32_t SpanWordsOf(uint16_t flags) { return (flags & kRawSpan) != 0 ? kSpanWords : 0; }

// A raw sample as the drain hands it on; `frames` points into memory of the drain, and the ids of
// the span, if there is one, stand right before it.
struct RawSample {
  RawHeader header;
  const uint64_t* frames;
  uint32_t tid;
  uint32_t
      thread;  // 1-based index of the thread's name (aggregate/thread_table.h); 0: not recorded
};

// Registers at the moment of the tick, in DWARF order of the machine; `valid` has a bit for each.
struct RegisterSet {
  // By DWARF number.
#if defined(__aarch64__)
  static constexpr int kCount = 32;  // x0 to x30, sp
  static constexpr int kSp = 31;
#else
  static constexpr int kCount = 16;
  static constexpr int kSp = 7;
#endif
  uint64_t pc = 0;
  uint64_t regs[kCount];  // not zeroed: the handler would call memset for that many
  uint32_t valid = 0;
};

// A stack the handler could not finish: the registers and a bounded copy of the stack, completed by
// libunwind on the background side and wiped afterwards.
// Half of the real stacks that meet this path fit in 4 KiB, 95 % in 8 KiB (unwinding.md 5); but
// while the tables of a large program are still being built all its stacks meet it, and a
// compiler's are some 30 KiB deep.
inline constexpr size_t kResidueStackBytes = 64 << 10;
// Stacks that must be copied by the kernel: fibers and signal stacks are mostly this small.
inline constexpr size_t kForeignCopyBytes = 8192;
struct Residue {
  uint32_t tid;
  uint32_t generation;
  uint32_t label_set;
  uint16_t flags;
  uint16_t overruns;
  uint64_t span[kSpanWords];  // with kRawSpan
  RegisterSet registers;
  uint64_t stack_address;  // run-time address of stack[0]
  uint64_t stack_bytes;
  alignas(4096) unsigned char stack[kResidueStackBytes];
};

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_RAW_SAMPLE_H_
