// SPDX-License-Identifier: Apache-2.0
// What the calling thread carries, as the handler would read it, in a form tests compare.
#ifndef PODO_TESTS_UNIT_CONTEXT_CARRIED_H_
#define PODO_TESTS_UNIT_CONTEXT_CARRIED_H_

#include <string>

#include "context/label_sets.h"
#include "model/thread_slot.h"

namespace podo::context {

// "k=v k=v", by key; empty: none.
inline std::string Carried() {
  const model::ThreadSlot* slot = model::tls_thread_slot;
  if (slot == nullptr || slot->orphaned.load() == slot->top.load()) return "";
  const model::LabelSetHead* set = slot->labels.load();
  std::string text;
  if (set == nullptr) return text;
  for (const auto& [key, value] : LabelsOf(set->id)) {
    text += (text.empty() ? "" : " ") + key + "=" + value;
  }
  return text;
}

// First byte of the trace id, 0: no span.
inline int CarriedTrace() {
  const model::ThreadSlot* slot = model::tls_thread_slot;
  if (slot == nullptr || slot->span_active.load() == 0) return 0;
  return static_cast<int>(slot->span[0].load() & 0xFF);
}

}  // namespace podo::context

#endif  // PODO_TESTS_UNIT_CONTEXT_CARRIED_H_
