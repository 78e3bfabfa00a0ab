// SPDX-License-Identifier: Apache-2.0
#include "context/set_table.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "context/label_text.h"
#include "model/utf8.h"

namespace podo::context {

constinit SetTable g_sets;

LabelSet* SetTable::Find(LabelSet* parent, uint64_t hash, const podo_label* labels, size_t count) {
  for (LabelSet* set = buckets[hash % kBuckets].load(std::memory_order_acquire); set != nullptr;
       set = set->next.load(std::memory_order_acquire)) {
    if (set->hash == hash && set->parent == parent &&
        SameLabels(set->text, set->text_bytes, labels, count)) {
      return set;
    }
  }
  return nullptr;
}

LabelSet* SetTable::TakeFreeLocked() {
  if (free != nullptr) {
    LabelSet* set = free;
    free = set->parent;
    set->parent = nullptr;
    return set;
  }
  if (made == 0) made = 1;  // id 0 means no labels
  std::atomic<LabelSet*>& chunk = chunks[made / kChunkSets];
  if (made / kChunkSets >= kChunks) return nullptr;
  if (chunk.load(std::memory_order_relaxed) == nullptr) {
    // Never freed. From malloc, so that leak checkers follow it from `chunks` to the texts.
    void* memory = std::calloc(kChunkSets, sizeof(LabelSet));
    if (memory == nullptr) return nullptr;
    // All bits zero is what LabelSet's constructor would make; one at a time below.
    chunk.store(static_cast<LabelSet*>(memory), std::memory_order_release);
  }
  LabelSet* set = new (&chunk.load(std::memory_order_relaxed)[made % kChunkSets]) LabelSet;
  set->id = made++;
  return set;
}

void SetTable::GiveBackLocked(LabelSet* set) {
  std::free(set->text);
  std::free(set->record);
  set->text = nullptr;
  set->text_bytes = 0;
  set->record = nullptr;
  set->quiet_since = 0;
  set->parent = free;
  free = set;
}

void SetTable::LinkLocked(LabelSet* set) {
  std::atomic<LabelSet*>& head = buckets[set->hash % kBuckets];
  set->next.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  head.store(set, std::memory_order_release);  // partner: Find()
  live.fetch_add(1, std::memory_order_relaxed);
}

void SetTable::UnlinkLocked(LabelSet* set) {
  std::atomic<LabelSet*>* link = &buckets[set->hash % kBuckets];
  while (link->load(std::memory_order_relaxed) != set) {
    link = &link->load(std::memory_order_relaxed)->next;
  }
  link->store(set->next.load(std::memory_order_relaxed), std::memory_order_release);
  live.fetch_sub(1, std::memory_order_relaxed);
}

bool WriteText(const podo_label* labels, size_t count, LabelSet* set) {
  uint32_t bytes = 0;
  bool odd = count > PODO_LABEL_COUNT;
  ForEachCut(labels, count, [&](const CutLabel& label) {
    bytes += static_cast<uint32_t>(2 * sizeof(uint16_t) + label.key.size() + label.value.size());
    odd |= label.cut || !model::IsValidUtf8(label.key) || !model::IsValidUtf8(label.value);
    return true;
  });
  char* text = static_cast<char*>(std::malloc(bytes));
  if (text == nullptr) return false;
  set->text = text;
  set->text_bytes = bytes;
  ForEachCut(labels, count, [&](const CutLabel& label) {
    const uint16_t sizes[2] = {static_cast<uint16_t>(label.key.size()),
                               static_cast<uint16_t>(label.value.size())};
    text = static_cast<char*>(std::memcpy(text, sizes, sizeof sizes)) + sizeof sizes;
    text = std::copy(label.key.begin(), label.key.end(), text);
    text = std::copy(label.value.begin(), label.value.end(), text);
    return true;
  });
  if (odd) g_sets.cut.store(true, std::memory_order_relaxed);
  return true;
}

}  // namespace podo::context
