// SPDX-License-Identifier: Apache-2.0
// The bounded stack walk over unwind rows: the heart of the handler, kept free of everything else
// so that tests can run it on tables of values and single-step real programs with it.
//
// Loads touch podo's own tables and [view.lo, view.hi) only. No calls, no locks, no allocation.
#ifndef PODO_LIB_CAPTURE_WALK_H_
#define PODO_LIB_CAPTURE_WALK_H_

#include <cstdint>

#include "base/return_address.h"
#include "capture/rule_memo.h"
#include "capture/snapshot.h"
#include "capture/unwind_rows.h"
#include "model/raw_sample.h"

namespace podo::capture {

// Readable stack: the bytes of run-time addresses [lo, hi) stand at address + delta.
struct StackView {
  uint64_t lo = 0;
  uint64_t hi = 0;
  uint64_t delta = 0;  // 0 for the stack itself; wraps for copies

  bool Read(uint64_t address, uint64_t* value) const noexcept {
    if (address < lo || address > hi - sizeof *value || hi < lo + sizeof *value) return false;
    if ((address & 7) != 0) return false;
    *value = *reinterpret_cast<const uint64_t*>(address + delta);
    return true;
  }
};

// Where frames go: straight into the ring, so that the handler needs no array on the stack.
struct FrameWriter {
  uint64_t* words;
  uint64_t mask;  // of a ring; all ones for a flat array
  uint64_t at;    // index of the next word
  uint32_t count;
  uint32_t limit;

  bool Push(uint64_t pc) noexcept {
    if (count == limit) return false;
    words[at++ & mask] = pc;
    ++count;
    return true;
  }
};

#if defined(__x86_64__)
// Bits by DWARF number (System V x86-64 psABI, figure 3.36): rsp and what a callee preserves.
inline constexpr uint32_t kAllRegsValid = 0xFFFF;
inline constexpr uint32_t kCallerKeeps = 1u << 3 | 1u << 6 | 1u << 7 | 0xFu << 12;

// kSavedRegs as an immediate value: a table would be one more cold line.
inline constexpr uint64_t kSavedRegsPacked = 0x0F0E0D0C0603;

// The kernel's rt_sigframe as __restore_rt sees it: rsp points at the ucontext. Offsets in words of
// struct ucontext (asm/ucontext.h, asm/sigcontext.h), by DWARF number.
inline bool ReadSignalFrame(const StackView& view, model::RegisterSet* r) noexcept {
  constexpr uint8_t kWord[16] = {18, 17, 19, 16, 14, 13, 15, 20, 5, 6, 7, 8, 9, 10, 11, 12};
  constexpr uint64_t kPcWord = 21;
  const uint64_t base = r->regs[kDwarfSp];
  if (!view.Read(base + kPcWord * 8, &r->pc)) return false;
  for (int i = 0; i < 16; ++i) {
    if (!view.Read(base + uint64_t{kWord[i]} * 8, &r->regs[i])) return false;
  }
  r->valid = kAllRegsValid;
  return true;
}

// The trampoline is libc's and has rules.
inline bool IsSignalFrame(const StackView&, const model::RegisterSet&) noexcept { return false; }
#elif defined(__aarch64__)
// Bits by DWARF number (DWARF for the Arm 64-bit Architecture, 4.1): sp, and of what a callee
// preserves that which rules describe. x24 to x28 are not known any more above frame 0.
inline constexpr uint32_t kAllRegsValid = 0xFFFFFFFF;
inline constexpr uint32_t kCallerKeeps = 1u << 31 | 1u << 29 | 0x1Fu << 19;
inline constexpr uint64_t kSavedRegsPacked = 0x171615141D13;

// The kernel's rt_sigframe as __kernel_rt_sigreturn sees it: sp points at a siginfo of 128 bytes, a
// ucontext follows (asm/ucontext.h, asm/sigcontext.h): flags, link, stack, a mask padded to 128
// bytes, and, 16-aligned, the fault's address, x0 to x30, sp, pc.
inline bool ReadSignalFrame(const StackView& view, model::RegisterSet* r) noexcept {
  constexpr uint64_t kX0 = 128 + 8 + 8 + 24 + 128 + 8 + 8;
  const uint64_t base = r->regs[kDwarfSp] + kX0;
  if (!view.Read(base + 32 * 8, &r->pc)) return false;
  for (int i = 0; i < 32; ++i) {
    if (!view.Read(base + static_cast<uint64_t>(i) * 8, &r->regs[i])) return false;
  }
  r->valid = kAllRegsValid;
  return true;
}

// The kernel's trampoline has no rules (Linux 5.8 and later; qemu's never had). Told by its frame:
// behind the registers stands a record of the vector registers, always the first, of 528 bytes.
inline bool IsSignalFrame(const StackView& view, const model::RegisterSet& r) noexcept {
  constexpr uint64_t kRecord = 128 + 176 + 288;
  constexpr uint64_t kVectors = uint64_t{528} << 32 | 0x46508001;
  uint64_t word;
  return view.Read(r.regs[kDwarfSp] + kRecord, &word) && word == kVectors;
}
#endif
static_assert([] {
  for (int i = 0; i < kSavedCount; ++i) {
    if ((kSavedRegsPacked >> (8 * i) & 0xFF) != kSavedRegs[i]) return false;
  }
  return true;
}());

// Steps from `r` to its caller by frame pointer, for code without rows (JIT, hand-written
// assembly). Refuses what cannot be a frame record: below sp, misaligned, outside the stack, or a
// return address that is neither in known code nor near the current code.
inline bool StepByFramePointer(const Snapshot& snapshot, const StackView& view, uint64_t pc,
                               model::RegisterSet* r) noexcept {
  constexpr uint64_t kNear = uint64_t{256} << 20;  // a JIT's code stands together
  const uint64_t fp = r->regs[kDwarfFp];
  if ((r->valid >> kDwarfFp & 1) == 0 || fp < r->regs[kDwarfSp]) return false;
  uint64_t caller_fp, return_address;
  if (!view.Read(fp, &caller_fp) || !view.Read(fp + 8, &return_address)) return false;
  return_address = base::Unsigned(return_address);
  if (return_address < 4096) return false;
  const bool near = return_address - pc + kNear < 2 * kNear;
  if (!near && FindModule(snapshot, return_address - 1) == nullptr) return false;
  r->regs[kDwarfFp] = caller_fp;
  r->regs[kDwarfSp] = fp + 16;
  r->pc = return_address;
  r->valid = 1u << kDwarfFp | 1u << kDwarfSp;
  return true;
}

// The CFA by `rule`, or false if the rule needs a register that is not known any more or memory
// that may not be read (`*readable` = false then).
inline bool ComputeCfa(const UnwindRule& rule, const StackView& view, const model::RegisterSet& r,
                       uint64_t* cfa, bool* readable) noexcept {
  *readable = true;
  if (rule.reg >= kDwarfRegCount || (r.valid >> rule.reg & 1) == 0) return false;
  uint64_t base = r.regs[rule.reg];
  if (rule.kind == CfaKind::kPlt && static_cast<int64_t>(r.pc & 15) >= rule.deref_offset) base += 8;
  if (rule.kind == CfaKind::kDeref &&
      !view.Read(base + static_cast<int64_t>(rule.deref_offset), &base)) {
    *readable = false;
    return false;
  }
  *cfa = base + static_cast<int64_t>(rule.cfa_offset);
  return true;
}

// Restores the caller's registers at `cfa`. False if the return address cannot be read.
inline bool RestoreCaller(const UnwindRule& rule, uint64_t cfa, const StackView& view,
                          model::RegisterSet* r) noexcept {
  uint64_t return_address;
  if (kCallsIntoRegister && rule.ra_offset_words == kRaInRegister) {
    return_address = r->regs[kDwarfRa % model::RegisterSet::kCount];
  } else if (!view.Read(cfa + 8 * static_cast<int64_t>(rule.ra_offset_words), &return_address)) {
    return false;
  }
  return_address = base::Unsigned(return_address);
  const uint64_t rule_register = r->regs[rule.reg];
  uint32_t valid = r->valid & kCallerKeeps;
  for (int i = 0; i < kSavedCount; ++i) {
    const int16_t slot = rule.saved[i];
    if (slot == kSavedSame) continue;
    const uint32_t bit = 1u << kSavedRegs[i];
    const uint64_t base = (rule.saved_from_reg >> i & 1) != 0 ? rule_register : cfa;
    uint64_t value;
    if (slot == kSavedUnknown || !view.Read(base + 8 * static_cast<int64_t>(slot), &value)) {
      valid &= ~bit;
      continue;
    }
    r->regs[kSavedRegs[i]] = value;
    valid |= bit;
  }
  r->regs[kDwarfSp] = cfa;
  r->pc = return_address;
  r->valid = valid | 1u << kDwarfSp;
  return true;
}

// The step to the caller by a simple entry, or false with nothing changed. The checks are those of
// StepByTables, once for the whole frame instead of once for each word read.
inline bool StepSimple(const RuleMemo::Entry& entry, const StackView& view,
                       model::RegisterSet* r) noexcept {
  const uint32_t reg = entry.Reg();
  const uint64_t cfa = r->regs[reg] + 8 * entry.CfaWords();
  const uint64_t above = cfa - view.lo;
  if ((r->valid >> reg & 1) == 0 || cfa <= r->regs[kDwarfSp] || (cfa & 7) != 0 ||
      above > view.hi - view.lo || above < 8 * entry.LowestSlot()) {
    return false;
  }
  const auto* top = reinterpret_cast<const uint64_t*>(cfa + view.delta);
  r->pc = top[-1];
  for (uint32_t saved = entry.SavedMask(); saved != 0; saved &= saved - 1) {
    const int i = __builtin_ctz(saved);
    r->regs[kSavedRegsPacked >> (8 * i) & 0xFF] = top[-static_cast<int64_t>(entry.Slot(i))];
  }
  r->regs[kDwarfSp] = cfa;
  r->valid &= kCallerKeeps;
  if (r->valid != kCallerKeeps) {
    const uint32_t mask = entry.SavedMask();
    r->valid |= (mask & 1) << 3 | (mask >> 1 & 1) << 6 | (mask >> 2) << 12;
  }
  return true;
}

// What a walk keeps from frame to frame beside the registers.
struct WalkState {
  const Snapshot& snapshot;
  RuleMemo* memo;
  const RuleMemo::Entry* guess;  // of the next frame
  const ModuleRows* module;      // of the last frame that was looked up in the tables
  StackView view;
  uint64_t* unknown;  // the first pc no module covers
  uint16_t flags;
};

enum class Step {
  kToCaller,
  kToInterrupted,  // a signal frame was crossed: perhaps to another stack
  kEnd,            // the flags say how
  kEndAtEntry,     // complete, and pc itself is the frame, not the call before it
};

// The rule of `pc` by the tables, noted in the memo.
inline const UnwindRule* LookUp(WalkState* w, uint64_t pc) noexcept {
  if (w->module == nullptr || pc < w->module->start || pc >= w->module->end) {
    w->module = FindModule(w->snapshot, pc);
  }
  if (w->module == nullptr) return nullptr;
  const UnwindRule* rule = FindRule(*w->module, pc);
  if (rule != nullptr && rule->kind != CfaKind::kNoUnwind) w->guess = w->memo->Note(pc, *rule);
  return rule;
}

inline Step End(WalkState* w, uint16_t flags) noexcept {
  w->flags |= flags;
  return Step::kEnd;
}

inline Step StepWithoutRule(WalkState* w, uint64_t pc, bool interrupted,
                            model::RegisterSet* r) noexcept {
  if (w->module != nullptr && !interrupted) {
    // A return address that is the first byte of a function, with no code before it, was put
    // there by hand: the entry of a fiber or thread (glibc's makecontext), nothing called it.
    const UnwindRule* rule = FindRule(*w->module, r->pc);
    if (rule != nullptr && rule->kind != CfaKind::kNoUnwind) {
      w->flags |= model::kRawComplete;
      return Step::kEndAtEntry;
    }
  }
  if (w->module == nullptr && *w->unknown == 0) *w->unknown = pc;
  if (w->snapshot.generation == 0 || !StepByFramePointer(w->snapshot, w->view, pc, r)) {
    return End(w, model::kRawUnknownCode);
  }
  w->flags |= model::kRawFramePointer;
  return Step::kToCaller;
}

namespace {  // not inline: a linker must not take it from another object

// One step by the tables: what the memo does not know, or cannot say in short (`noted`), and every
// frame that fails a check.
[[gnu::noinline]] Step StepByTables(WalkState* w, uint64_t pc, bool interrupted,
                                    const UnwindRule* noted, model::RegisterSet* r) noexcept {
  const UnwindRule* rule = noted != nullptr ? noted : LookUp(w, pc);
  const CfaKind kind = rule != nullptr ? rule->kind : CfaKind::kNoUnwind;
  const bool is_signal = kind == CfaKind::kNoUnwind && IsSignalFrame(w->view, *r);
  if (kind == CfaKind::kNoUnwind && !is_signal) return StepWithoutRule(w, pc, interrupted, r);
  if (kind == CfaKind::kRoot) return End(w, model::kRawComplete);
  if (kind == CfaKind::kUnsupported) return End(w, model::kRawUnsupportedRow);
  if (kind == CfaKind::kSignalFrame || is_signal) {
    if (!ReadSignalFrame(w->view, r)) return End(w, model::kRawOutOfBounds);
    return Step::kToInterrupted;
  }
  uint64_t cfa = 0;
  bool in_bounds;
  if (!ComputeCfa(*rule, w->view, *r, &cfa, &in_bounds)) {
    return End(w, in_bounds ? model::kRawUnsupportedRow : model::kRawOutOfBounds);
  }
  // The stack grows down: a caller's CFA lies strictly above, 8-aligned, inside the stack. This
  // also ends every loop a corrupted stack could make.
  // A leaf function may keep its return address in the register, and may have no frame at all: such
  // a one is interrupted, never returned to.
  const bool is_leaf = kCallsIntoRegister && rule->ra_offset_words == kRaInRegister;
  if ((is_leaf && !interrupted) || cfa + (is_leaf ? 1 : 0) <= r->regs[kDwarfSp] || (cfa & 7) != 0 ||
      cfa > w->view.hi || !RestoreCaller(*rule, cfa, w->view, r)) {
    return End(w, model::kRawOutOfBounds);
  }
  return Step::kToCaller;
}

}  // namespace

// Walks from `r` to the root and writes the frames; returns RawFlags. `select(sp, &view)` gives the
// readable stack from the red zone of sp up, or false: asked at the start and after every signal
// frame, where the thread may have been on another stack. `r` and the writer are left where the
// walk ended, `unknown` gets the first pc no module covers. Bounded by the writer's limit.
template <typename SelectView>
uint16_t Walk(const Snapshot& snapshot, SelectView&& select, model::RegisterSet* r,
              FrameWriter* out, uint64_t* unknown, RuleMemo* memo) noexcept {
  memo->Belong(snapshot.id);
  WalkState w = {snapshot, memo, memo->First(), nullptr, {}, unknown, 0};
  bool interrupted = true;  // pc is the next instruction, not a return address
  bool readable = select(r->regs[kDwarfSp], &w.view);
  StackView view = w.view;  // a copy that nothing written below can change
  for (;;) {
    const uint64_t pc = interrupted ? r->pc : r->pc - 1;
    if (!out->Push(pc)) return w.flags | model::kRawTruncated;
    if (!readable) return w.flags | model::kRawOutOfBounds;
    const RuleMemo::Entry* entry = memo->Find(pc, w.guess);
    const UnwindRule* rule = nullptr;
    Step step = Step::kToCaller;
    if (entry != nullptr && entry->CfaWords() != 0 && StepSimple(*entry, view, r)) [[likely]] {
      w.guess = entry + 1;
    } else {
      if (entry != nullptr && entry->IsRoot()) return w.flags | model::kRawComplete;
      if (entry != nullptr && entry->CfaWords() == 0) rule = entry->Rule();
      step = StepByTables(&w, pc, interrupted, rule, r);
    }
    interrupted = step == Step::kToInterrupted;
    if (step == Step::kToCaller) [[likely]] {
      if (r->pc == 0) return w.flags | model::kRawComplete;  // hand-made thread and fiber entries
      continue;
    }
    if (step == Step::kEndAtEntry) out->words[(out->at - 1) & out->mask] = r->pc;
    if (step != Step::kToInterrupted) return w.flags;
    readable = select(r->regs[kDwarfSp], &w.view);
    view = w.view;
  }
}

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_WALK_H_
