// SPDX-License-Identifier: Apache-2.0
// The C functions of scopes: labels, spans, pauses.
#include "context/scope.h"

#include <cstring>
#include <new>

namespace podo::context {
namespace {

std::atomic<uint64_t> g_misplaced{0};  // relaxed counter

// While it lives, the recycling knows that this thread may stand on any set.
class Reading {
 public:
  explicit Reading(model::ThreadSlot* slot) : slot_(slot) { Step(); }
  ~Reading() { Step(); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  // Release: what was done inside is done when the count is even again. Partner: Look(). The other
  // direction, the look-up not before the odd count, is membarrier's (recycling.cc); here it takes
  // a compiler's fence.
  void Step() {
    slot_->reading.store(Now(slot_->reading) + 1, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  model::ThreadSlot* slot_;
};

void Nothing(podo_scope* scope) { In(scope)->slot = nullptr; }

// The scope ends on another thread than the one that opened it, which cannot be touched: its
// handler and its next scope look here. Not if that thread is void already: then it will start
// afresh. Relaxed: the number stands for itself.
void Forsake(const Scope* scope) {
  model::ThreadSlot* opened = scope->slot;
  if (scope->carrier != nullptr) return;  // the carrier is what it belongs to
  if (Now(opened->orphaned) != Now(opened->top)) Put(opened->orphaned, scope->serial);
}

// The scope is not the innermost one of what the calling thread carries.
void LeaveMisplaced(Scope* scope, model::ThreadSlot* slot) {
  CountMisplaced();
  if ((scope->flags & kScopePinned) != 0) Unpin(scope->outer);
  if (slot != nullptr && slot->carrier == scope->carrier &&
      (scope->carrier != nullptr || slot == scope->slot)) {
    // Out of turn: whoever restores what this scope replaced, or is replaced by it, would bring
    // back labels that nobody takes away again. Nothing is better than wrong ones.
    ResetState(slot);
    PublishIfAsked(slot);
  }
}

}  // namespace

void CountMisplaced() { g_misplaced.fetch_add(1, std::memory_order_relaxed); }
uint64_t MisplacedScopes() { return Now(g_misplaced); }

void PutSpan(model::ThreadSlot* slot, const uint64_t* words) {
  // A tick in between sees no span rather than half of one.
  Put(slot->span_active, 0u);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (words == nullptr) return;
  for (uint32_t i = 0; i < model::kSpanWords; ++i) Put(slot->span[i], words[i]);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  Put(slot->span_active, 1u);
}

void ResetState(model::ThreadSlot* slot) {
  PutSpan(slot, nullptr);
  Put<const model::LabelSetHead*>(slot->labels, nullptr);
  Put(slot->paused, 0u);
  Put(slot->top, uint64_t{0});
}

void SaveWholeState(model::ThreadSlot* slot, Scope* scope) {
  scope->flags |= kScopeWholeState;
  scope->outer_paused = Now(slot->paused);
  if (Now(slot->span_active) == 0) return;
  scope->flags |= kScopeHadSpan;
  for (uint32_t i = 0; i < model::kSpanWords; ++i) scope->outer_span[i] = Now(slot->span[i]);
}

void RestoreWholeState(model::ThreadSlot* slot, const Scope& scope) {
  PutSpan(slot, (scope.flags & kScopeHadSpan) != 0 ? scope.outer_span : nullptr);
  Put(slot->paused, scope.outer_paused);
}

}  // namespace podo::context

using namespace podo::context;
using podo::model::ThreadSlot;

// Labels prepared once: a child of the empty set, and the first child of another set they were
// entered under.
struct podo_labels {
  LabelSet* set;                           // pinned
  std::atomic<LabelSet*> nested{nullptr};  // pinned; release once, acquire
};

namespace {

LabelSet* Under(LabelSet* outer, podo_labels* labels, ThreadSlot* slot) {
  LabelSet* nested = labels->nested.load(std::memory_order_acquire);
  if (nested != nullptr && nested->parent == outer) return nested;
  const Reading reading(slot);
  LabelSet* found = FindOrCreateLike(outer, *labels->set);
  if (nested == nullptr && found != nullptr && found->parent == outer) {
    Pin(found);
    if (!labels->nested.compare_exchange_strong(nested, found, std::memory_order_release,
                                                std::memory_order_relaxed)) {
      Unpin(found);
    }
  }
  return found;
}

void EnterNew(podo_scope* scope, ThreadSlot* slot, const podo_label* labels, size_t count,
              uint32_t flags) {
  const Reading reading(slot);
  Push(In(scope), slot, FindOrCreate(LabelsNow(*slot), labels, count), flags);
}

}  // namespace

extern "C" {

podo_labels* podo_labels_create(const podo_label* labels, size_t count) {
  if (labels == nullptr || count == 0) return nullptr;
  LabelSet* set = FindOrCreatePinned(nullptr, labels, count);
  if (set == nullptr) return nullptr;
  auto* prepared = new (std::nothrow) podo_labels{set};
  if (prepared == nullptr) Unpin(set);
  return prepared;
}

void podo_labels_destroy(podo_labels* labels) {
  if (labels == nullptr) return;
  Unpin(labels->set);
  Unpin(labels->nested.load(std::memory_order_acquire));
  delete labels;
}

void podo_labels_enter(podo_scope* scope, const podo_labels* labels) {
  ThreadSlot* slot = SlotToEnter();
  if (__builtin_expect(slot == nullptr, 0)) return Nothing(scope);
  LabelSet* outer = LabelsNow(*slot);
  LabelSet* next = outer;
  if (labels != nullptr) {
    next = outer == nullptr ? labels->set : Under(outer, const_cast<podo_labels*>(labels), slot);
  }
  Push(In(scope), slot, next, 0);
  PublishIfAsked(slot);
}

void podo_labels_enter_new(podo_scope* scope, const podo_label* labels, size_t count) {
  ThreadSlot* slot = SlotToEnter();
  if (__builtin_expect(slot == nullptr, 0)) return Nothing(scope);
  EnterNew(scope, slot, labels, labels != nullptr ? count : 0, 0);
  PublishIfAsked(slot);
}

void podo_span_enter(podo_scope* scope, const uint8_t* trace_id, const uint8_t* span_id,
                     const char* name, size_t name_size) {
  ThreadSlot* slot = SlotToEnter();
  if (slot == nullptr || trace_id == nullptr || span_id == nullptr) return Nothing(scope);
  constexpr char kKey[] = "span_name";
  const podo_label label = {kKey, sizeof kKey - 1, name, name_size};
  EnterNew(scope, slot, &label, name != nullptr && name_size != 0 ? 1 : 0, 0);
  SaveWholeState(slot, In(scope));
  uint64_t words[podo::model::kSpanWords];
  std::memcpy(words, trace_id, 16);
  std::memcpy(&words[2], span_id, 8);
  PutSpan(slot, words);
  PublishIfAsked(slot);
}

void podo_pause_enter(podo_scope* scope) {
  ThreadSlot* slot = SlotToEnter();
  if (slot == nullptr) return Nothing(scope);
  Push(In(scope), slot, LabelsNow(*slot), 0);
  SaveWholeState(slot, In(scope));
  Put(slot->paused, Now(slot->paused) + 1);
}

void podo_scope_leave(podo_scope* scope) {
  Scope* s = In(scope);
  if (s->slot == nullptr) return;
  ThreadSlot* slot = podo::model::tls_thread_slot;
  if (__builtin_expect(slot != s->slot, 0)) Forsake(s);
  if (__builtin_expect(slot != nullptr && Now(slot->top) == s->serial, 1)) {
    if (__builtin_expect((s->flags & kScopeWholeState) != 0, 0)) RestoreWholeState(slot, *s);
    Put<const podo::model::LabelSetHead*>(slot->labels, s->outer);
    Put(slot->top, s->outer_top);
    PublishIfAsked(slot);
    if (__builtin_expect((s->flags & kScopePinned) != 0, 0)) Unpin(s->outer);
  } else {
    LeaveMisplaced(s, slot);
  }
  s->slot = nullptr;
}

}  // extern "C"
