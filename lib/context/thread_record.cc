// SPDX-License-Identifier: Apache-2.0
#include "context/thread_record.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "context/label_text.h"
#include "context/set_table.h"

namespace podo::context {

std::atomic<bool> g_publishes{false};

namespace {

// Index -> key of the records' attributes. Append-only, at most 256 (facts A9). Under the lock of
// the table of sets; fixed memory, since it must work before constructors ran.
struct RecordKeyTable {
  char keys[256][PODO_LABEL_KEY_BYTES];
  uint8_t sizes[256];
  uint32_t count;
};
constinit RecordKeyTable g_keys = {};

// -1: no room.
int KeyIndex(std::string_view key) {
  for (uint32_t i = 0; i < g_keys.count; ++i) {
    if (key == std::string_view(g_keys.keys[i], g_keys.sizes[i])) return static_cast<int>(i);
  }
  if (g_keys.count == 256) return -1;
  std::memcpy(g_keys.keys[g_keys.count], key.data(), key.size());
  g_keys.sizes[g_keys.count] = static_cast<uint8_t>(key.size());
  return static_cast<int>(g_keys.count++);
}

// Appends the labels of `set` that no inner set has, inner ones first.
void AppendAttributes(const LabelSet* set, model::ThreadRecord* record) {
  bool seen[256] = {};
  uint16_t size = 0;
  for (; set != nullptr; set = set->parent) {
    LabelReader reader(set->text, set->text_bytes);
    for (std::string_view key, value; reader.Next(&key, &value);) {
      const int index = KeyIndex(key);
      const size_t bytes = std::min<size_t>(value.size(), 255);
      if (index < 0 || seen[index] || size + 2 + bytes > model::kRecordAttrBytes) continue;
      seen[index] = true;
      record->attrs[size] = static_cast<uint8_t>(index);
      record->attrs[size + 1] = static_cast<uint8_t>(bytes);
      std::memcpy(&record->attrs[size + 2], value.data(), bytes);
      size = static_cast<uint16_t>(size + 2 + bytes);
    }
  }
  record->head.attrs_size = size;
}

// The thread's own record: labels and span. `valid` is 0 while it changes; compiler fences suffice,
// since readers are this thread's signal handlers and tracers that stop it.
void FillOwnRecord(model::ThreadSlot* slot, const LabelSet* set) {
  model::ThreadRecord& record = slot->record;
  record.head.valid = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  uint64_t ids[model::kSpanWords];
  for (uint32_t i = 0; i < model::kSpanWords; ++i) {
    ids[i] = slot->span[i].load(std::memory_order_relaxed);
  }
  std::memcpy(record.head.trace_id, ids, sizeof record.head.trace_id);
  std::memcpy(record.head.span_id, &ids[2], sizeof record.head.span_id);
  record.head.trace_flags = 0;
  record.head.attrs_size = 0;
  if (set != nullptr && set->record != nullptr) {
    record.head.attrs_size = set->record->head.attrs_size;
    std::memcpy(record.attrs, set->record->attrs, set->record->head.attrs_size);
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
  record.head.valid = 1;
}

}  // namespace

void WriteRecord(LabelSet* set) {
  model::ThreadRecord whole = {};
  AppendAttributes(set, &whole);
  const size_t bytes = sizeof(model::ThreadRecordHead) + whole.head.attrs_size;
  auto* record = static_cast<model::ThreadRecord*>(std::malloc(bytes));
  set->record = record;
  if (record == nullptr) return;
  whole.head.valid = 1;
  std::memcpy(static_cast<void*>(record), &whole, bytes);
}

std::vector<std::string> RecordKeys() {
  const std::lock_guard lock(g_sets.mutex);
  std::vector<std::string> keys;
  for (uint32_t i = 0; i < g_keys.count; ++i) keys.emplace_back(g_keys.keys[i], g_keys.sizes[i]);
  return keys;
}

void PublishSpan(model::ThreadSlot* slot) {
  FillOwnRecord(slot, static_cast<const LabelSet*>(slot->labels.load(std::memory_order_relaxed)));
  slot->published.store(&slot->record, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  podo_thread_ctx = &slot->record;
}

}  // namespace podo::context
