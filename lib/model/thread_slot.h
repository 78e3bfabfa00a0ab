// SPDX-License-Identifier: Apache-2.0
// What a thread carries for its samples: labels, span, pause, the stack of its fiber. Written by
// the thread itself (context/), read by its signal handler (capture/) and by the recycling of label
// sets.
//
// Slots are never unmapped: a pointer to one, however old, is readable. All fields that the handler
// reads are written and read by one thread, so that relaxed atomics and compiler fences suffice
// (what a handler sees of its own thread is program order); the background reads `labels` and
// `reading` after a membarrier (label_sets.cc).
#ifndef PODO_LIB_MODEL_THREAD_SLOT_H_
#define PODO_LIB_MODEL_THREAD_SLOT_H_

#include <atomic>
#include <cstdint>

namespace podo::model {

// First member of a label set; all that the handler needs of it. Never unmapped either.
struct LabelSetHead {
  uint32_t id = 0;  // never 0 for a set; belongs to this memory for good
};

// Trace and span id as the bytes that tracers print, first byte first in memory.
inline constexpr uint32_t kSpanWords = 3;  // 16 bytes of trace id, 8 of span id
struct SpanIds {
  uint64_t words[kSpanWords] = {};
};

// OTEP 4947's thread context record (facts A9): what tracers publish and eBPF profilers read.
inline constexpr uint16_t kRecordAttrBytes = 612;  // 640 bytes in all, as the OTEP advises
struct [[gnu::packed]] ThreadRecordHead {
  uint8_t trace_id[16];
  uint8_t span_id[8];
  uint8_t valid;
  uint8_t trace_flags;
  uint16_t attrs_size;
};
static_assert(sizeof(ThreadRecordHead) == 28);
struct alignas(8) ThreadRecord {
  ThreadRecordHead head;
  uint8_t attrs[kRecordAttrBytes];  // {key index, length, bytes}*
};

struct alignas(64) ThreadSlot {
  std::atomic<const LabelSetHead*> labels;  // nullptr: none
  // Serial of the innermost open scope, 0: none. Serials are unique in the process, so that a scope
  // which ends on another thread, or out of turn, is told apart.
  std::atomic<uint64_t> top;
  // Serial of a scope of this thread that ended on another one: its labels count for nothing.
  std::atomic<uint64_t> orphaned;
  std::atomic<uint32_t> paused;       // open ScopedPause
  std::atomic<uint32_t> span_active;  // `span` is complete. Toggled around every change.
  std::atomic<uint64_t> span[kSpanWords];
  uint64_t last_serial;
  // --- second line ---
  // The stack this thread is on, if it is a fiber's that was announced: [fiber_lo, fiber_hi).
  alignas(64) std::atomic<uint64_t> fiber_lo;
  std::atomic<uint64_t> fiber_hi;  // 0: the thread's own stack
  const void* carrier;             // mounted on this thread, nullptr: none
  std::atomic<uint64_t> reading;   // odd: inside a look-up of label sets
  std::atomic<uint32_t> tid;       // of the owner; 0: free
  const void* outer_record;        // what the thread's record pointer was before podo's first scope
  std::atomic<const void*> published;  // podo's own record pointer, if it stands there now
  ThreadRecord record;
};

// Initial-exec: part of the static TLS block, so that touching it can never allocate. Defined in
// the handler's object.
extern __thread ThreadSlot* tls_thread_slot
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

}  // namespace podo::model

// The pointer of OTEP 4947. podo's own storage under a name of its own: `otel_thread_ctx_v1`, which
// is exported as another name for it, may be bound to another module's variable.
extern "C" __thread const void* podo_thread_ctx
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

#endif  // PODO_LIB_MODEL_THREAD_SLOT_H_
