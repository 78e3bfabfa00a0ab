// SPDX-License-Identifier: Apache-2.0
// The C functions by which labels and spans travel: captured contexts and carriers.
#include <new>

#include "context/scope.h"

using namespace podo::context;
using podo::model::kSpanWords;
using podo::model::LabelSetHead;
using podo::model::ThreadSlot;

struct podo_context {
  std::atomic<uint32_t> refs{1};  // relaxed up, acquire-release down: the last one frees
  LabelSet* labels = nullptr;     // pinned
  uint64_t top = 0;               // where a resumption goes on
  bool has_span = false;
  uint64_t span[kSpanWords] = {};
};

struct podo_carrier {
  // 1 while a thread runs as it. Acquire on mount, release on unmount: the next thread sees the
  // state that the one before left.
  std::atomic<uint32_t> mounted{0};
  uint32_t paused = 0;
  LabelSet* labels = nullptr;  // pinned
  uint64_t top = 0;
  bool has_span = false;
  uint64_t span[kSpanWords] = {};
  uint64_t fiber_lo = 0, fiber_hi = 0;
};

namespace {

// True if there is a span; then its ids are copied.
bool CopySpan(const ThreadSlot& slot, uint64_t* to) {
  if (Now(slot.span_active) == 0) return false;
  for (uint32_t i = 0; i < kSpanWords; ++i) to[i] = Now(slot.span[i]);
  return true;
}

// Mounted while a context is resumed: scopes opened then may be left on another thread, too, and
// nobody goes on with what the thread carries.
podo_carrier g_resumption;

bool NothingOpen(const ThreadSlot* slot) {
  return slot == nullptr || Now(slot->top) == 0 || Now(slot->top) == Now(slot->orphaned);
}

bool CarriesNothing(const ThreadSlot* slot) {
  return slot == nullptr || Now(slot->top) == Now(slot->orphaned) ||
         (Now(slot->labels) == nullptr && Now(slot->span_active) == 0);
}

void PutStack(ThreadSlot* slot, const podo_carrier* carrier) {
  // The upper bound opens and closes the pair: a tick sees both or none.
  Put(slot->fiber_hi, uint64_t{0});
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (carrier == nullptr || carrier->fiber_hi == 0) return;
  Put(slot->fiber_lo, carrier->fiber_lo);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  Put(slot->fiber_hi, carrier->fiber_hi);
}

void SaveInto(podo_carrier* carrier, ThreadSlot* slot) {
  LabelSet* labels = LabelsNow(*slot);
  if (labels != carrier->labels) {
    Pin(labels);
    Unpin(carrier->labels);
    carrier->labels = labels;
  }
  carrier->top = Now(slot->top);
  carrier->paused = Now(slot->paused);
  carrier->has_span = CopySpan(*slot, carrier->span);
}

// What the thread carried before the scope, whatever it carries now.
void BringBack(ThreadSlot* slot, Scope* s) {
  RestoreWholeState(slot, *s);
  Put<const LabelSetHead*>(slot->labels, s->outer);
  Put(slot->top, s->outer_top);
  PublishIfAsked(slot);
  if ((s->flags & kScopePinned) != 0) Unpin(s->outer);
  s->slot = nullptr;
}

}  // namespace

extern "C" {

podo_context* podo_context_capture(void) {
  const ThreadSlot* slot = podo::model::tls_thread_slot;
  // A scope that carries nothing, as a pause, may yet be left after a resumption.
  if (CarriesNothing(slot) && NothingOpen(slot)) return nullptr;
  auto* context = new (std::nothrow) podo_context;
  if (context == nullptr) return nullptr;
  context->labels = LabelsNow(*slot);
  Pin(context->labels);
  context->has_span = CopySpan(*slot, context->span);
  context->top = Now(slot->top);
  return context;
}

void podo_context_retain(podo_context* context) {
  if (context != nullptr) context->refs.fetch_add(1, std::memory_order_relaxed);
}

void podo_context_release(podo_context* context) {
  if (context == nullptr || context->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Unpin(context->labels);
  delete context;
}

void podo_context_enter(podo_scope* scope, const podo_context* context) {
  // Nothing to carry and nothing to hide: no slot is needed.
  if (context == nullptr && CarriesNothing(podo::model::tls_thread_slot)) {
    In(scope)->slot = nullptr;
    return;
  }
  ThreadSlot* slot = SlotToEnter();
  if (slot == nullptr) {
    In(scope)->slot = nullptr;
    return;
  }
  Push(In(scope), slot, context != nullptr ? context->labels : nullptr, 0);
  SaveWholeState(slot, In(scope));
  PutSpan(slot, context != nullptr && context->has_span ? context->span : nullptr);
  PublishIfAsked(slot);
}

void podo_context_resume(podo_scope* scope, const podo_context* context) {
  In(scope)->slot = nullptr;
  ThreadSlot* slot = SlotToEnter();
  if (slot == nullptr) return;
  Push(In(scope), slot, context != nullptr ? context->labels : nullptr, 0);
  SaveWholeState(slot, In(scope));
  Put(slot->top, context != nullptr ? context->top : 0);
  PutSpan(slot, context != nullptr && context->has_span ? context->span : nullptr);
  slot->carrier = &g_resumption;
  PublishIfAsked(slot);
}

void podo_context_suspend(podo_scope* scope) {
  Scope* s = In(scope);
  if (s->slot == nullptr) return;
  ThreadSlot* slot = podo::model::tls_thread_slot;
  if (slot != s->slot || slot->carrier != &g_resumption) return CountMisplaced();
  slot->carrier = s->carrier;
  BringBack(slot, s);
}

podo_carrier* podo_carrier_create(void) {
  auto* carrier = new (std::nothrow) podo_carrier;
  ThreadSlot* slot = podo::model::tls_thread_slot;
  if (carrier == nullptr || CarriesNothing(slot)) return carrier;
  carrier->labels = LabelsNow(*slot);
  Pin(carrier->labels);
  carrier->has_span = CopySpan(*slot, carrier->span);
  return carrier;
}

void podo_carrier_destroy(podo_carrier* carrier) {
  if (carrier == nullptr) return;
  Unpin(carrier->labels);
  delete carrier;
}

void podo_carrier_set_stack(podo_carrier* carrier, const void* lowest, size_t bytes) {
  if (carrier == nullptr) return;
  carrier->fiber_lo = reinterpret_cast<uint64_t>(lowest);
  carrier->fiber_hi = bytes != 0 ? carrier->fiber_lo + bytes : 0;
}

int podo_carrier_mount(podo_scope* scope, podo_carrier* carrier) {
  Scope* s = In(scope);
  s->slot = nullptr;
  if (carrier == nullptr) return 0;
  ThreadSlot* slot = SlotToEnter();
  if (slot == nullptr || carrier->mounted.exchange(1, std::memory_order_acquire) != 0) return 0;
  Push(s, slot, carrier->labels, 0);
  SaveWholeState(slot, s);
  Put(slot->top, carrier->top);  // scopes of the carrier go on where they were
  PutSpan(slot, carrier->has_span ? carrier->span : nullptr);
  Put(slot->paused, carrier->paused);
  slot->carrier = carrier;
  PutStack(slot, carrier);
  PublishIfAsked(slot);
  return 1;
}

void podo_carrier_unmount(podo_scope* scope, podo_carrier* carrier) {
  Scope* s = In(scope);
  if (s->slot == nullptr) return;
  ThreadSlot* slot = podo::model::tls_thread_slot;
  if (slot != s->slot || slot->carrier != carrier) {
    CountMisplaced();  // the carrier stays mounted where it is: nobody else may run as it
    return;
  }
  SaveInto(carrier, slot);
  const auto* outer = static_cast<const podo_carrier*>(s->carrier);
  slot->carrier = outer;
  PutStack(slot, outer);
  BringBack(slot, s);
  carrier->mounted.store(0, std::memory_order_release);
}

}  // extern "C"
