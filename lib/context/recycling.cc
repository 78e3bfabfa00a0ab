// SPDX-License-Identifier: Apache-2.0
// Takes ids back from label sets that nobody uses any more.
//
// A set is retired (taken out of its hash chain) when it has no holder, no child, no slot and had
// no sample for kQuietRounds. From then on nobody can find it, except who holds it already:
//  - a look-up that stood on it: its slot is `reading`, and it may enter the set afterwards;
//  - a thread whose slot names it: it may pin it (capture) or make children.
// So a retired set is looked at again every round; only after kQuietRounds more without any of
// these and without a sample is its memory used for other labels. Stores of other threads are made
// visible by membarrier(): after it, a store that was made before the look is seen, and a look-up
// that has not begun cannot find the set. A sample in a ring or in a window on its way names the id
// too: rings are drained twice a second and at most three windows are under way, so both are gone
// in fewer than kQuietRounds rounds.
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "base/hash_map.h"
#include "context/label_sets.h"
#include "context/set_table.h"
#include "context/thread_slots.h"

namespace podo::context {
namespace {

bool Membarrier() {
  static const bool registered =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return registered && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

// What all threads have in hand at one moment.
struct InHand {
  base::HashSet<const model::LabelSetHead*> sets;
  base::HashMap<const model::ThreadSlot*, uint64_t> reading;  // odd counts only
};

InHand Look() {
  InHand in_hand;
  ForEachSlot([&](const model::ThreadSlot& slot) {
    if (const auto* set = slot.labels.load(std::memory_order_acquire)) in_hand.sets.insert(set);
    const uint64_t reading = slot.reading.load(std::memory_order_acquire);
    if ((reading & 1) != 0) in_hand.reading.emplace(&slot, reading);
  });
  return in_hand;
}

bool Used(const LabelSet& set, const InHand& in_hand, uint32_t round) {
  return set.refs.load(std::memory_order_acquire) != 0 || set.children != 0 ||
         in_hand.sets.contains(&set) ||
         round - set.last_sample_round.load(std::memory_order_relaxed) < kQuietRounds;
}

// A look-up that is still the same as a round ago may stand on anything.
bool SomeoneStillReads(const InHand& now) {
  // Leaked: the process may be exiting.
  static auto& before = *new base::HashMap<const model::ThreadSlot*, uint64_t>;
  bool still = false;
  for (const auto& [slot, count] : now.reading) {
    const auto it = before.find(slot);
    still |= it != before.end() && it->second == count;
  }
  before = now.reading;
  return still;
}

void RecycleLocked(uint32_t round) {
  ReclaimSlots();
  if (!Membarrier()) return;  // then sets stay, and new ones overflow at the limit
  const InHand in_hand = Look();
  const bool still_reads = SomeoneStillReads(in_hand);
  for (uint32_t id = 1; id < g_sets.made; ++id) {
    LabelSet* set = g_sets.At(id);
    if (set->text == nullptr) continue;  // free
    const bool used = Used(*set, in_hand, round);
    if (set->quiet_since == 0) {
      if (used) continue;
      g_sets.UnlinkLocked(set);
      set->quiet_since = round;
      ++g_sets.retired;
    } else if (used || still_reads) {
      set->quiet_since = round;
    } else if (round - set->quiet_since >= kQuietRounds) {
      if (set->parent != nullptr) --set->parent->children;
      g_sets.GiveBackLocked(set);
      --g_sets.retired;
    }
  }
}

}  // namespace

void Recycle() {
  const uint32_t round = g_sets.round.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!LocksUsable()) return;
  const std::lock_guard lock(g_sets.mutex);
  const uint32_t limit = g_sets.limit.load(std::memory_order_relaxed);
  // Half full is early enough; below it nothing is ever touched.
  if (g_sets.live.load(std::memory_order_relaxed) <= limit / 2 && g_sets.retired == 0) return;
  RecycleLocked(round);
}

}  // namespace podo::context
