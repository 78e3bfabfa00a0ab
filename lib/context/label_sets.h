// SPDX-License-Identifier: Apache-2.0
// All distinct label sets of the process, as a tree: a set is its parent's labels and some more.
//
// A sample carries a set's id, so a set must outlive every sample that names it; on the other hand
// a service that labels by user id must not grow without end. Hence: at most `limit` sets; beyond
// it new ones become `__overflow__`; sets nobody uses any more give their id back, but only after
// kQuietRounds rounds (windows exported) without entry, holder or sample.
//
// Look-ups take no lock. The memory of a set is never given back to the system, so that a signal
// handler may read the id of any set it ever saw.
#ifndef PODO_LIB_CONTEXT_LABEL_SETS_H_
#define PODO_LIB_CONTEXT_LABEL_SETS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/thread_slot.h"
#include "podo/context_c.h"

namespace podo::context {

struct LabelSet : model::LabelSetHead {
  // Written before the set is published by a release store into its chain, constant until nobody
  // can hold the set any more.
  LabelSet* parent = nullptr;
  uint64_t hash = 0;
  uint64_t keys = 0;     // a bit, by hash, for each key of the set and its parents
  char* text = nullptr;  // {uint16 key size, uint16 value size, key, value}*, as given
  uint32_t text_bytes = 0;
  model::ThreadRecord* record = nullptr;  // all labels as OTEP 4947 has them; nullptr: no memory

  std::atomic<LabelSet*> next{nullptr};  // of its hash chain: release by the writer, acquire here
  // Labels values, captured contexts and scopes that come back to this set. Relaxed up (who counts
  // up has the set already), release down, acquire by the recycling.
  std::atomic<uint32_t> refs{0};
  std::atomic<uint32_t> last_sample_round{0};  // relaxed, by the drain

  // Under the lock:
  uint32_t children = 0;
  uint32_t quiet_since = 0;  // round; 0: not retired
};

inline constexpr uint32_t kQuietRounds = 6;
inline constexpr uint32_t kDefaultLabelSets = 10000;
inline constexpr uint32_t kMaxLabelSets = 1'000'000;
inline constexpr char kOverflow[] = "__overflow__";

// The child of `parent` (nullptr: the empty set), less what these labels replace, with these
// labels, or the set that stands for what does not fit; nullptr without memory or labels. The
// caller is inside a reading section of its slot (ThreadSlot::reading) or ends up holding a set
// that is pinned.
LabelSet* FindOrCreate(LabelSet* parent, const podo_label* labels, size_t count);
// As FindOrCreate, and the set is pinned (refs) on return.
LabelSet* FindOrCreatePinned(LabelSet* parent, const podo_label* labels, size_t count);
// The child of `parent` with the labels of `set`, which hangs on another parent.
LabelSet* FindOrCreateLike(LabelSet* parent, const LabelSet& set);

inline void Pin(LabelSet* set) {
  if (set != nullptr) set->refs.fetch_add(1, std::memory_order_relaxed);
}
inline void Unpin(LabelSet* set) {
  if (set != nullptr) set->refs.fetch_sub(1, std::memory_order_release);
}

// --- the background's side ---

// At most so many sets from now on; sets that are there stay.
void SetLimit(uint32_t limit);
// A sample of this set was drained. Wait-free; unknown ids are ignored.
void NoteSample(uint32_t id);
// The labels behind an id, by key, innermost wins. Only on the thread that calls Recycle().
std::vector<std::pair<std::string, std::string>> LabelsOf(uint32_t id);
// One window was exported: retires what is not used. Never waits for a look-up under way.
void Recycle();

struct LabelCounts {
  uint64_t sets = 0;      // now
  uint64_t overflow = 0;  // scopes and Labels that became __overflow__
  bool cut = false;       // a key, a value or a set was too long
};
LabelCounts CountLabels();
// The keys of records, by index. Append-only; at most 256.
std::vector<std::string> RecordKeys();

}  // namespace podo::context

#endif  // PODO_LIB_CONTEXT_LABEL_SETS_H_
