// SPDX-License-Identifier: Apache-2.0
#include "capture/frame_state.h"

#include "capture/cfa_expression.h"

namespace podo::capture {
namespace {

#if defined(__x86_64__)
// Offset of rsp in the ucontext that rsp points at in the signal trampoline:
// offsetof(ucontext_t, uc_mcontext.gregs[REG_RSP]).
constexpr int16_t kSignalRspOffset = 160;
#endif

// Bytes -> words of the row format; kSavedUnknown where it does not fit.
int16_t Words(int64_t offset_bytes) {
  const int64_t words = offset_bytes / 8;
  if (offset_bytes % 8 != 0 || words > INT16_MAX || words <= kRaInRegister) return kSavedUnknown;
  return static_cast<int16_t>(words);
}

// Index in kSavedRegs, or -1.
int SlotOf(uint64_t reg) {
  for (int i = 0; i < kSavedCount; ++i) {
    if (kSavedRegs[i] == reg) return i;
  }
  return -1;
}

void SetReturnAddress(FrameState* state, const Saved& saved) {
  using Ra = FrameState::ReturnAddress;
  state->return_address = Ra::kInexpressible;
  if (saved.how == Saved::How::kUndefined) state->return_address = Ra::kUndefined;
  if (saved.how == Saved::How::kAt && Words(saved.offset) != kSavedUnknown) {
    state->return_address = Ra::kSaved;
    state->ra_offset_words = Words(saved.offset);
  }
#if defined(__aarch64__)
  if (saved.how == Saved::How::kSame) {
    state->return_address = Ra::kSaved;
    state->ra_offset_words = kRaInRegister;
  }
#endif
}

void SetSlot(FrameState* state, int slot, const Saved& saved) {
  const uint8_t bit = static_cast<uint8_t>(1u << slot);
  state->from_reg = static_cast<uint8_t>(state->from_reg & ~bit);
  state->saved[slot] = kSavedUnknown;
  if (saved.how == Saved::How::kSame) state->saved[slot] = kSavedSame;
  if (saved.how == Saved::How::kAt) state->saved[slot] = Words(saved.offset);
  if (saved.how == Saved::How::kAtReg && saved.reg < kDwarfRegCount) {
    state->saved[slot] = Words(saved.offset);
    state->slot_reg[slot] = static_cast<uint8_t>(saved.reg);
    if (state->saved[slot] != kSavedUnknown) {
      state->from_reg = static_cast<uint8_t>(state->from_reg | bit);
    }
  }
}

// Saved registers that are described from a register: rows can say so for the CFA's own register.
void PlaceRegisterRelativeSlots(const FrameState& state, UnwindRule* rule) {
  for (int slot = 0; slot < kSavedCount; ++slot) {
    if ((state.from_reg & (1u << slot)) == 0) continue;
    if (state.slot_reg[slot] != state.cfa_reg) {
      rule->saved[slot] = kSavedUnknown;
    } else if (rule->kind == CfaKind::kDeref) {
      rule->saved_from_reg = static_cast<uint8_t>(rule->saved_from_reg | (1u << slot));
    } else if (rule->kind == CfaKind::kRegOffset) {
      rule->saved[slot] = Words(int64_t{state.saved[slot]} * 8 - state.cfa_offset);
    } else {
      rule->saved[slot] = kSavedUnknown;
    }
  }
}

}  // namespace

void SetRegister(FrameState* state, uint64_t reg, const Saved& saved) {
  if (reg == kDwarfSp) {
    state->sp_is_cfa = saved.how == Saved::How::kCfaValue && saved.offset == 0;
  } else if (reg == kDwarfRa) {
    SetReturnAddress(state, saved);
  } else if (const int slot = SlotOf(reg); slot >= 0) {
    SetSlot(state, slot, saved);
  }
}

void RestoreRegister(FrameState* state, const FrameState& initial, uint64_t reg) {
  if (reg == kDwarfSp) {
    state->sp_is_cfa = initial.sp_is_cfa;
  } else if (reg == kDwarfRa) {
    state->return_address = initial.return_address;
    state->ra_offset_words = initial.ra_offset_words;
  } else if (const int slot = SlotOf(reg); slot >= 0) {
    const uint8_t bit = static_cast<uint8_t>(1u << slot);
    state->saved[slot] = initial.saved[slot];
    state->slot_reg[slot] = initial.slot_reg[slot];
    state->from_reg = static_cast<uint8_t>((state->from_reg & ~bit) | (initial.from_reg & bit));
  }
}

void SetCfa(FrameState* state, CfaKind kind, uint64_t reg, int64_t inner, int64_t offset) {
  if (reg >= kDwarfRegCount || inner > INT16_MAX || inner < INT16_MIN) kind = CfaKind::kUnsupported;
  state->cfa_kind = kind;
  if (kind == CfaKind::kUnsupported) return;
  state->cfa_reg = static_cast<uint8_t>(reg);
  state->deref_offset = static_cast<int16_t>(inner);
  state->cfa_offset = offset;
}

void SetCfaExpression(FrameState* state, EhReader expression) {
  using Kind = ExpressionValue::Kind;
  const ExpressionValue value = Recognize(expression, false);
  CfaKind kind = CfaKind::kUnsupported;
  if (value.kind == Kind::kRegOffset) kind = CfaKind::kRegOffset;
  if (value.kind == Kind::kDerefOffset) kind = CfaKind::kDeref;
  if (value.kind == Kind::kPlt) kind = CfaKind::kPlt;
  SetCfa(state, kind, value.reg, value.inner, value.offset);
}

Saved SavedAtExpression(EhReader expression) {
  using Kind = ExpressionValue::Kind;
  const ExpressionValue value = Recognize(expression, true);
  if (value.kind == Kind::kCfaOffset) return {Saved::How::kAt, 0, value.offset};
  if (value.kind == Kind::kRegOffset) return {Saved::How::kAtReg, value.reg, value.offset};
  return {};
}

UnwindRule RuleOf(const FrameState& state, bool is_signal_frame) {
  using Ra = FrameState::ReturnAddress;
  UnwindRule rule;
  if (is_signal_frame) {
#if defined(__x86_64__)
    if (state.cfa_kind != CfaKind::kDeref || state.cfa_reg != kDwarfSp ||
        state.deref_offset != kSignalRspOffset || state.cfa_offset != 0) {
      return rule;
    }
#endif
    rule.kind = CfaKind::kSignalFrame;
    return rule;
  }
  if (state.return_address == Ra::kUndefined) {
    rule.kind = CfaKind::kRoot;
    return rule;
  }
  if (state.return_address != Ra::kSaved || !state.sp_is_cfa || state.cfa_offset > INT32_MAX ||
      state.cfa_offset < INT32_MIN) {
    return rule;
  }
  if (state.cfa_kind == CfaKind::kUnsupported) return rule;
  rule.kind = state.cfa_kind;
  rule.reg = state.cfa_reg;
  rule.flags = state.flags;
  rule.cfa_offset = static_cast<int32_t>(state.cfa_offset);
  rule.deref_offset = state.deref_offset;
  rule.ra_offset_words = state.ra_offset_words;
  for (int slot = 0; slot < kSavedCount; ++slot) rule.saved[slot] = state.saved[slot];
  if (state.from_reg != 0) PlaceRegisterRelativeSlots(state, &rule);
  return rule;
}

FrameState StartState() {
  FrameState state;
#if defined(__aarch64__)
  state.return_address = FrameState::ReturnAddress::kSaved;
  state.ra_offset_words = kRaInRegister;
#endif
  return state;
}

}  // namespace podo::capture
