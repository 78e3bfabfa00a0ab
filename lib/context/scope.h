// SPDX-License-Identifier: Apache-2.0
// What a podo_scope holds, and the two moves every scope is made of: push and pop.
//
// All stores go to the calling thread's own slot. Its signal handler sees them in program order, so
// relaxed atomics suffice; the order between `top` and `labels` does not matter, since a tick
// between the two belongs to either side.
#ifndef PODO_LIB_CONTEXT_SCOPE_H_
#define PODO_LIB_CONTEXT_SCOPE_H_

#include <atomic>
#include <cstdint>

#include "context/label_sets.h"
#include "context/thread_record.h"
#include "context/thread_slots.h"
#include "podo/context_c.h"

namespace podo::context {

enum ScopeFlag : uint32_t {
  kScopePinned = 1,      // `outer` is pinned, because it is not the parent of what was entered
  kScopeWholeState = 2,  // span and pause are restored, too
  kScopeHadSpan = 4,
};

struct Scope {
  model::ThreadSlot* slot;  // nullptr: nothing was entered, nothing to leave
  uint64_t serial;
  uint64_t outer_top;
  LabelSet* outer;
  const void* carrier;  // that was mounted; its scopes may be left on another thread
  uint32_t flags;
  uint32_t outer_paused;
  uint64_t outer_span[model::kSpanWords];
  uint64_t unused;
};
static_assert(sizeof(Scope) == sizeof(podo_scope));

inline Scope* In(podo_scope* scope) { return reinterpret_cast<Scope*>(scope); }

template <typename T>
T Now(const std::atomic<T>& value) {
  return value.load(std::memory_order_relaxed);
}
template <typename T>
void Put(std::atomic<T>& value, T to) {
  value.store(to, std::memory_order_relaxed);
}

// Labels of the slot, which is the calling thread's.
inline LabelSet* LabelsNow(const model::ThreadSlot& slot) {
  return static_cast<LabelSet*>(const_cast<model::LabelSetHead*>(Now(slot.labels)));
}

// The slot's scopes are void: one ended on another thread, or out of turn.
void ResetState(model::ThreadSlot* slot);
void SaveWholeState(model::ThreadSlot* slot, Scope* scope);
void RestoreWholeState(model::ThreadSlot* slot, const Scope& scope);
void PutSpan(model::ThreadSlot* slot, const uint64_t* words);  // nullptr: none
void CountMisplaced();
uint64_t MisplacedScopes();

inline void Push(Scope* scope, model::ThreadSlot* slot, LabelSet* next, uint32_t flags) {
  LabelSet* outer = LabelsNow(*slot);
  if (outer != nullptr && next != outer && (next == nullptr || next->parent != outer)) {
    Pin(outer);
    flags |= kScopePinned;
  }
  scope->slot = slot;
  scope->outer_top = Now(slot->top);
  scope->outer = outer;
  scope->carrier = slot->carrier;
  scope->flags = flags;
  if (scope->outer_top == 0) slot->outer_record = podo_thread_ctx;
  scope->serial = ++slot->last_serial;
  Put(slot->top, scope->serial);
  Put<const model::LabelSetHead*>(slot->labels, next);
}

// The slot to open a scope in; nullptr without memory.
inline model::ThreadSlot* SlotToEnter() {
  model::ThreadSlot* slot = ThisSlot();
  if (slot != nullptr && __builtin_expect(Now(slot->orphaned) == Now(slot->top), 0)) {
    ResetState(slot);
  }
  return slot;
}

inline void PublishIfAsked(model::ThreadSlot* slot) {
  if (!g_publishes.load(std::memory_order_relaxed)) return;
  if (__builtin_expect(Now(slot->span_active) != 0, 0)) return PublishSpan(slot);
  const LabelSet* set = LabelsNow(*slot);
  const void* record = set != nullptr ? set->record : nullptr;
  // First known as podo's, then shown: the handler must never take it for somebody else's.
  Put(slot->published, record);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  podo_thread_ctx = record != nullptr ? record : slot->outer_record;
}

}  // namespace podo::context

#endif  // PODO_LIB_CONTEXT_SCOPE_H_
