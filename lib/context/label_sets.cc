// SPDX-License-Identifier: Apache-2.0
#include "context/label_sets.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "context/label_text.h"
#include "context/set_table.h"
#include "context/thread_record.h"
#include "context/thread_slots.h"

namespace podo::context {
namespace {

uint32_t IdOf(const LabelSet* set) { return set != nullptr ? set->id : 0; }

bool IsFull() {
  return g_sets.live.load(std::memory_order_relaxed) >=
         g_sets.limit.load(std::memory_order_relaxed);
}

uint64_t KeyBit(std::string_view key) {
  return uint64_t{1} << (absl::HashOf(absl::string_view(key.data(), key.size())) % 64);
}

uint64_t KeyBits(const podo_label* labels, size_t count) {
  uint64_t bits = 0;
  ForEachCut(labels, count, [&](const CutLabel& label) {
    bits |= KeyBit(label.key);
    return true;
  });
  return bits;
}

// A set whose labels were not known yet, made under the lock; nullptr without memory.
LabelSet* MakeLocked(LabelSet* parent, uint64_t hash, const podo_label* labels, size_t count) {
  LabelSet* set = g_sets.TakeFreeLocked();
  if (set == nullptr) return nullptr;
  if (!WriteText(labels, count, set)) {
    g_sets.GiveBackLocked(set);
    return nullptr;
  }
  set->parent = parent;
  set->hash = hash;
  set->keys = KeyBits(labels, count) | (parent != nullptr ? parent->keys : 0);
  if (parent != nullptr) ++parent->children;
  WriteRecord(set);
  set->last_sample_round.store(g_sets.round.load(std::memory_order_relaxed),
                               std::memory_order_relaxed);
  g_sets.LinkLocked(set);
  return set;
}

// Past the limit: the same keys with the value __overflow__, as long as a few more sets last; then
// one set for all. `visit(labels, count)` gets the former.
template <typename Visit>
LabelSet* WithOverflowValues(const podo_label* labels, size_t count, Visit&& visit) {
  podo_label overflow[PODO_LABEL_COUNT];
  count = std::min<size_t>(count, PODO_LABEL_COUNT);
  for (size_t i = 0; i < count; ++i) {
    overflow[i] = {labels[i].key, labels[i].key_size, kOverflow, sizeof kOverflow - 1};
  }
  return visit(overflow, count);
}

// Without the lock: a service that makes a new set for every request must not queue here.
LabelSet* FindOverflow(LabelSet* parent, const podo_label* labels, size_t count) {
  LabelSet* set = WithOverflowValues(labels, count, [&](const podo_label* overflow, size_t n) {
    return g_sets.Find(parent, HashLabels(IdOf(parent), overflow, n), overflow, n);
  });
  return set != nullptr ? set : g_sets.rest.load(std::memory_order_acquire);
}

LabelSet* OverflowLocked(LabelSet* parent, const podo_label* labels, size_t count) {
  if (LabelSet* found = FindOverflow(parent, labels, count)) return found;
  const uint32_t limit = g_sets.limit.load(std::memory_order_relaxed);
  if (g_sets.live.load(std::memory_order_relaxed) < limit + 64 + limit / 16) {
    return WithOverflowValues(labels, count, [&](const podo_label* overflow, size_t n) {
      return MakeLocked(parent, HashLabels(IdOf(parent), overflow, n), overflow, n);
    });
  }
  constexpr podo_label kRest = {kOverflow, sizeof kOverflow - 1, "true", 4};
  LabelSet* rest = MakeLocked(nullptr, HashLabels(0, &kRest, 1), &kRest, 1);
  Pin(rest);                                           // for good
  g_sets.rest.store(rest, std::memory_order_release);  // partner: FindOverflow()
  return rest;
}

bool AnyLabel(const podo_label* labels, size_t count) {
  return !ForEachCut(labels, count, [](const CutLabel&) { return false; });
}

// What else is to happen when a set is found or made.
struct Also {
  bool pin = false;
  bool count_overflow = true;  // not for a set on the way to another one
};

LabelSet* Create(LabelSet* parent, uint64_t hash, const podo_label* labels, size_t count,
                 Also also) {
  if (!LocksUsable() || !AnyLabel(labels, count)) return parent;
  const std::lock_guard lock(g_sets.mutex);
  LabelSet* set = g_sets.Find(parent, hash, labels, count);
  if (set == nullptr) {
    if (IsFull()) g_sets.overflow.fetch_add(also.count_overflow, std::memory_order_relaxed);
    set =
        IsFull() ? OverflowLocked(parent, labels, count) : MakeLocked(parent, hash, labels, count);
  }
  if (set == nullptr) set = parent;
  if (also.pin) Pin(set);
  return set;
}

bool HasKey(const podo_label* labels, size_t count, std::string_view key) {
  return !ForEachCut(labels, count, [&](const CutLabel& label) { return label.key != key; });
}

LabelSet* FindOrCreateUnder(LabelSet* parent, const podo_label* labels, size_t count, Also also);

// `set` without the labels that `labels` replace. Else a handler that labels itself and starts the
// next one, which carries that and labels itself, would nest without end. `depth` bounds the stack:
// sets of more levels are left as they are.
LabelSet* WithoutReplaced(LabelSet* set, uint64_t bits, const podo_label* labels, size_t count,
                          int depth) {
  if (set == nullptr || (set->keys & bits) == 0 || depth == 0) return set;
  LabelSet* base = WithoutReplaced(set->parent, bits, labels, count, depth - 1);
  podo_label kept[PODO_LABEL_COUNT];
  size_t kept_count = 0, own_count = 0;
  LabelReader reader(set->text, set->text_bytes);
  for (std::string_view key, value; own_count < PODO_LABEL_COUNT && reader.Next(&key, &value);
       ++own_count) {
    if (HasKey(labels, count, key)) continue;
    kept[kept_count++] = {key.data(), key.size(), value.data(), value.size()};
  }
  if (base == set->parent && kept_count == own_count) return set;
  return kept_count == 0 ? base
                         : FindOrCreateUnder(base, kept, kept_count, {.count_overflow = false});
}

LabelSet* FindOrCreateUnder(LabelSet* parent, const podo_label* labels, size_t count, Also also) {
  const uint64_t hash = HashLabels(IdOf(parent), labels, count);
  if (LabelSet* set = g_sets.Find(parent, hash, labels, count)) return set;
  if (IsFull() && AnyLabel(labels, count)) {
    if (LabelSet* set = FindOverflow(parent, labels, count)) {
      g_sets.overflow.fetch_add(also.count_overflow, std::memory_order_relaxed);
      return set;
    }
  }
  return Create(parent, hash, labels, count, also);
}

}  // namespace

LabelSet* FindOrCreate(LabelSet* parent, const podo_label* labels, size_t count) {
  constexpr int kMostLevels = 32;  // a kilobyte of stack each
  if (parent != nullptr) {
    parent = WithoutReplaced(parent, KeyBits(labels, count), labels, count, kMostLevels);
  }
  return FindOrCreateUnder(parent, labels, count, {});
}

LabelSet* FindOrCreatePinned(LabelSet* parent, const podo_label* labels, size_t count) {
  return Create(parent, HashLabels(IdOf(parent), labels, count), labels, count, {.pin = true});
}

LabelSet* FindOrCreateLike(LabelSet* parent, const LabelSet& set) {
  podo_label labels[PODO_LABEL_COUNT];
  size_t count = 0;
  LabelReader reader(set.text, set.text_bytes);
  for (std::string_view key, value; count < PODO_LABEL_COUNT && reader.Next(&key, &value);) {
    labels[count++] = {key.data(), key.size(), value.data(), value.size()};
  }
  return FindOrCreate(parent, labels, count);
}

void SetLimit(uint32_t limit) {
  g_sets.limit.store(std::min(limit, kMaxLabelSets), std::memory_order_relaxed);
}

void NoteSample(uint32_t id) {
  if (LabelSet* set = g_sets.At(id)) {
    set->last_sample_round.store(g_sets.round.load(std::memory_order_relaxed),
                                 std::memory_order_relaxed);
  }
}

std::vector<std::pair<std::string, std::string>> LabelsOf(uint32_t id) {
  std::map<std::string_view, std::string_view> labels;
  for (const LabelSet* set = g_sets.At(id); set != nullptr; set = set->parent) {
    // Within one set the last of equal keys wins, as if each were a scope of its own.
    std::map<std::string_view, std::string_view> own;
    LabelReader reader(set->text, set->text_bytes);
    for (std::string_view key, value; reader.Next(&key, &value);) own[key] = value;
    labels.merge(own);  // what is there stays: the inner one
  }
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& [key, value] : labels) result.emplace_back(key, value);
  return result;
}

LabelCounts CountLabels() {
  return {g_sets.live.load(std::memory_order_relaxed),
          g_sets.overflow.load(std::memory_order_relaxed),
          g_sets.cut.load(std::memory_order_relaxed)};
}

}  // namespace podo::context
