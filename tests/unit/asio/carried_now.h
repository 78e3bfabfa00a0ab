// SPDX-License-Identifier: Apache-2.0
// What a sample of the calling thread would carry, as text.
#ifndef PODO_TESTS_UNIT_ASIO_CARRIED_NOW_H_
#define PODO_TESTS_UNIT_ASIO_CARRIED_NOW_H_

#include <string>

#include "context/label_sets.h"
#include "model/thread_slot.h"

namespace podo::context {

// "key=value,key=value", with "span " in front inside a span; empty: nothing.
inline std::string CarriedNow() {
  const model::ThreadSlot* slot = model::tls_thread_slot;
  if (slot == nullptr || slot->top.load() == slot->orphaned.load()) return "";
  std::string text = slot->span_active.load() != 0 ? "span " : "";
  if (const model::LabelSetHead* set = slot->labels.load(); set != nullptr) {
    for (const auto& [key, value] : LabelsOf(set->id)) {
      text.append(text.empty() || text.back() == ' ' ? "" : ",").append(key + "=" + value);
    }
  }
  return text;
}

}  // namespace podo::context

#endif  // PODO_TESTS_UNIT_ASIO_CARRIED_NOW_H_
