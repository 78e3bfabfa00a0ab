// SPDX-License-Identifier: Apache-2.0
// Where label sets live: chunks that are never unmapped, hash chains that are read without a lock.
#ifndef PODO_LIB_CONTEXT_SET_TABLE_H_
#define PODO_LIB_CONTEXT_SET_TABLE_H_

#include <atomic>
#include <cstdint>
#include <mutex>

#include "context/label_sets.h"

namespace podo::context {

// Constant-initialised and trivially destroyed: labels are static objects of the host, made before
// this library's constructors and used after its destructors.
struct SetTable {
  static constexpr uint32_t kBuckets = 16384;  // 10000 sets: most chains are one set long
  static constexpr uint32_t kChunkSets = 256;
  static constexpr uint32_t kChunks = 4608;  // kMaxLabelSets and the reserve for overflow

  std::mutex mutex;  // of every change
  // Head of a chain: release by the writer under the lock, acquire by readers.
  std::atomic<LabelSet*> buckets[kBuckets] = {};
  // Release after the chunk is mapped, acquire by At().
  std::atomic<LabelSet*> chunks[kChunks] = {};
  // What is left once even the reserve for overflow is full. Release once, acquire.
  std::atomic<LabelSet*> rest{nullptr};
  std::atomic<uint32_t> limit{kDefaultLabelSets};
  std::atomic<uint32_t> live{0};      // written under the lock, read as a hint
  std::atomic<uint32_t> round{1};     // windows exported; relaxed, see recycling.cc
  std::atomic<uint64_t> overflow{0};  // relaxed counter
  std::atomic<bool> cut{false};
  uint32_t made = 0;         // under the lock, as are these
  LabelSet* free = nullptr;  // chained by `parent`
  uint32_t retired = 0;

  LabelSet* At(uint32_t id) {
    if (id == 0 || id / kChunkSets >= kChunks) return nullptr;
    LabelSet* chunk = chunks[id / kChunkSets].load(std::memory_order_acquire);
    return chunk != nullptr ? &chunk[id % kChunkSets] : nullptr;
  }
  LabelSet* Find(LabelSet* parent, uint64_t hash, const podo_label* labels, size_t count);

  // nullptr without memory.
  LabelSet* TakeFreeLocked();
  void GiveBackLocked(LabelSet* set);
  void LinkLocked(LabelSet* set);
  // Readers that stand on `set` go on along its `next`.
  void UnlinkLocked(LabelSet* set);
};
extern SetTable g_sets;

// Copies the labels into the set; false without memory.
bool WriteText(const podo_label* labels, size_t count, LabelSet* set);

}  // namespace podo::context

#endif  // PODO_LIB_CONTEXT_SET_TABLE_H_
