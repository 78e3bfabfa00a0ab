// SPDX-License-Identifier: Apache-2.0
// What a thread's last walks found: pc -> what to do at a frame there, in 16 bytes.
//
// The tables need four cache lines on four pages for a frame (module, page, row, rule), and a host
// that runs for 10 ms between two ticks has evicted them all. Most frames of a sample were in the
// sample before: they are found here, in the page the handler has at hand anyway. A memo holds
// nothing that is not in the snapshot it names; it is a shortcut to the same answers.
//
// One writer: the handler of the ring's thread, inside `busy`. Zero bytes are an empty memo.
#ifndef PODO_LIB_CAPTURE_RULE_MEMO_H_
#define PODO_LIB_CAPTURE_RULE_MEMO_H_

#include <cstdint>

#include "capture/unwind_rows.h"

namespace podo::capture {

class RuleMemo {
 public:
  // A frame at `pc`. Three kinds:
  //  simple   CFA = reg + 8 * CfaWords(), return address at CFA - 8, registers saved just below;
  //  root     the outermost frame;
  //  other    Rule() says it.
  class Entry {
   public:
    // An entry never written holds pc 0 as "other" without a rule: it is like no entry at all.
    bool Holds(uint64_t pc) const noexcept { return where_ >> kPcShift == pc; }
    uint64_t CfaWords() const noexcept { return where_ & 0xFFFF; }  // 0: not simple
    bool IsRoot() const noexcept { return how_ == kRoot; }
    const UnwindRule* Rule() const noexcept { return reinterpret_cast<const UnwindRule*>(how_); }

    // Of simple ones. Words below the CFA; kSame: the register still holds its value.
    static constexpr uint64_t kSame = 1;  // where the return address is
    uint64_t Slot(int saved) const noexcept { return how_ >> (8 * saved) & 0xFF; }
    uint32_t Reg() const noexcept { return how_ >> 48 & 15; }
    uint32_t SavedMask() const noexcept { return how_ >> 52 & 0x3F; }  // bit i: Slot(i) != kSame
    uint64_t LowestSlot() const noexcept { return how_ >> 58; }        // >= 1

   private:
    friend class RuleMemo;
    static constexpr int kPcShift = 16;
    static constexpr uint64_t kRoot = 1;  // rules are 8-aligned

    void PackSimple(const UnwindRule& rule) noexcept;

    uint64_t where_;  // pc << 16 | CFA words
    uint64_t how_;
  };

  // Forgets all that does not belong to the snapshot.
  void Belong(uint32_t snapshot_id) noexcept {
    if (snapshot_id_ == snapshot_id) [[likely]] {
      return;
    }
    for (Entry& entry : entries_) entry.where_ = entry.how_ = 0;
    snapshot_id_ = snapshot_id;
    next_ = 0;
  }

  // Asks for what a walk from `pc` will read first.
  void Prefetch(uint64_t pc) const noexcept { __builtin_prefetch(&slot_of_[Hash(pc)]); }

  // The entry that `guess` would be if this walk goes on like the one that wrote them.
  const Entry* First() const noexcept { return entries_; }

  // The entry of `pc`, or nullptr. `guess`: what follows the entry of the frame before, since
  // entries were written in the order of a walk; a right guess takes the processor to the next
  // frame before it has read this one's return address.
  const Entry* Find(uint64_t pc, const Entry* guess) const noexcept {
    if (guess->Holds(pc)) [[likely]] {
      return guess;
    }
    const Entry* entry = &entries_[slot_of_[Hash(pc)]];
    return entry->Holds(pc) ? entry : nullptr;
  }

  // Notes the rule of `pc`, in place of the oldest entry; returns what follows.
  const Entry* Note(uint64_t pc, const UnwindRule& rule) noexcept {
    if (pc >> (64 - Entry::kPcShift) != 0) return entries_ + kEntries;  // not in 48 bits
    Entry& entry = entries_[next_];
    slot_of_[Hash(pc)] = static_cast<uint8_t>(next_);
    next_ = next_ + 1 < kEntries ? next_ + 1 : 0;
    entry.where_ = pc << Entry::kPcShift;
    entry.how_ = reinterpret_cast<uint64_t>(&rule);
    if (rule.kind == CfaKind::kRoot) entry.how_ = Entry::kRoot;
    if (rule.kind == CfaKind::kRegOffset) entry.PackSimple(rule);
    return &entry + 1;
  }

 private:
  static constexpr uint32_t kEntries = 224;  // with the ring's indices, one page

  static uint64_t Hash(uint64_t pc) noexcept { return pc * 0x9e3779b97f4a7c15u >> 56; }

  uint32_t snapshot_id_;
  uint32_t next_;
  uint8_t slot_of_[256];
  Entry entries_[kEntries + 1];  // nothing follows the last: it stays empty
};

// Leaves the entry as it is if the rule does not fit.
inline void RuleMemo::Entry::PackSimple(const UnwindRule& rule) noexcept {
  constexpr int kLowest = -63;
  if (kCallsIntoRegister) return;  // aarch64 saves its return address anywhere
  if (rule.ra_offset_words != -1 || rule.saved_from_reg != 0 || rule.flags != 0) return;
  if (rule.cfa_offset <= 0 || rule.cfa_offset % 8 != 0 || rule.cfa_offset / 8 > 0xFFFF) return;
  if (rule.reg >= 16) return;
  uint64_t slots = 0, mask = 0, lowest = 1;
  for (int i = 0; i < kSavedCount; ++i) {
    uint64_t slot = kSame;
    if (rule.saved[i] != kSavedSame) {
      if (rule.saved[i] > -2 || rule.saved[i] < kLowest) return;  // kSavedUnknown is below, too
      slot = static_cast<uint64_t>(-rule.saved[i]);
      mask |= uint64_t{1} << i;
    }
    slots |= slot << (8 * i);
    if (slot > lowest) lowest = slot;
  }
  where_ |= static_cast<uint64_t>(rule.cfa_offset / 8);
  how_ = slots | uint64_t{rule.reg} << 48 | mask << 52 | lowest << 58;
}

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_RULE_MEMO_H_
