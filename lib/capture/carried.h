// SPDX-License-Identifier: Apache-2.0
// What the interrupted thread carries: its labels, its span. Part of the handler's object; included
// by handler.cc only.
#ifndef PODO_LIB_CAPTURE_CARRIED_H_
#define PODO_LIB_CAPTURE_CARRIED_H_

#include <cstdint>

#include "capture/stacks.h"
#include "capture/state.h"
#include "model/thread_slot.h"

namespace podo::capture {
// Unnamed: a linker must never take one of these from another object.
namespace {

// False if the thread opened no scope yet, or if the innermost one ended on another thread.
inline bool Counts(const model::ThreadSlot* slot) {
  return slot != nullptr && slot->orphaned.load(std::memory_order_relaxed) !=
                                slot->top.load(std::memory_order_relaxed);
}

inline bool IsPaused(const model::ThreadSlot* slot) {
  return slot != nullptr && slot->paused.load(std::memory_order_relaxed) != 0 && Counts(slot);
}

inline uint32_t LabelSetOf(const model::ThreadSlot* slot) {
  if (slot == nullptr) return 0;
  const model::LabelSetHead* set = slot->labels.load(std::memory_order_relaxed);
  return set != nullptr && Counts(slot) ? set->id : 0;
}

// A tracer's record: read by the kernel, since its memory is not podo's. False if there is none.
[[gnu::noinline]] bool ReadForeignSpan(const State& state, const void* record, uint64_t* words) {
  union {
    model::ThreadRecordHead head;
    uint64_t words[4];
  } copy;
  iovec from = {const_cast<void*>(record), sizeof copy.head};
  iovec into = {&copy, sizeof copy.head};
  const long copied =
      SystemCall(SYS_process_vm_readv, static_cast<long>(state.reader_tid),
                 reinterpret_cast<long>(&into), 1, reinterpret_cast<long>(&from), 1, 0);
  if (copied != static_cast<long>(sizeof copy.head) || copy.head.valid != 1) return false;
  uint64_t any = 0;
  for (uint32_t i = 0; i < model::kSpanWords; ++i) {
    words[i] = copy.words[i];
    any |= i < 2 ? words[i] : 0;
  }
  return any != 0;  // a trace id of zeros means: no trace
}

// The record somebody else published for this thread, or nullptr.
inline const void* ForeignRecord(const State& state, const model::ThreadSlot* slot,
                                 uint64_t thread_pointer) {
  const int64_t offset = state.foreign_record.load(std::memory_order_relaxed);
  if (offset != 0) return *reinterpret_cast<const void* const*>(thread_pointer + offset);
  const void* record = podo_thread_ctx;  // a tracer may use podo's variable
  if (record == nullptr || slot == nullptr) return record;
  return record == slot->published.load(std::memory_order_relaxed) ? nullptr : record;
}

// Writes the ids of the thread's span at word `at` of the ring; false if it works for none.
inline bool WriteSpan(const State& state, const model::ThreadSlot* slot, uint64_t thread_pointer,
                      Ring* ring, uint64_t at) {
  uint64_t words[model::kSpanWords];
  if (slot != nullptr && slot->span_active.load(std::memory_order_relaxed) != 0 && Counts(slot)) {
    for (uint32_t i = 0; i < model::kSpanWords; ++i) {
      words[i] = slot->span[i].load(std::memory_order_relaxed);
    }
  } else {
    const void* record = ForeignRecord(state, slot, thread_pointer);
    if (record == nullptr || !ReadForeignSpan(state, record, words)) return false;
  }
  for (uint32_t i = 0; i < model::kSpanWords; ++i)
    ring->words[(at + i) & (kRingWords - 1)] = words[i];
  return true;
}

}  // namespace
}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_CARRIED_H_
