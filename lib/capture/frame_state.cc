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
    state->rule.ra_offset_words = Words(saved.offset);
  }
#if defined(__aarch64__)
  if (saved.how == Saved::How::kSame) {
    state->return_address = Ra::kSaved;
    state->rule.ra_offset_words = kRaInRegister;
  }
#endif
}

void SetSlot(FrameState* state, int slot, const Saved& saved) {
  const uint8_t bit = static_cast<uint8_t>(1u << slot);
  state->from_reg = static_cast<uint8_t>(state->from_reg & ~bit);
  state->rule.saved[slot] = kSavedUnknown;
  if (saved.how == Saved::How::kSame) state->rule.saved[slot] = kSavedSame;
  if (saved.how == Saved::How::kAt) state->rule.saved[slot] = Words(saved.offset);
  if (saved.how == Saved::How::kAtReg && saved.reg < kDwarfRegCount) {
    state->rule.saved[slot] = Words(saved.offset);
    state->slot_reg[slot] = static_cast<uint8_t>(saved.reg);
    if (state->rule.saved[slot] != kSavedUnknown) {
      state->from_reg = static_cast<uint8_t>(state->from_reg | bit);
    }
  }
}

// Saved registers that are described from a register: rows can say so for the CFA's own register.
void PlaceRegisterRelativeSlots(const FrameState& state, UnwindRule* rule) {
  for (int slot = 0; slot < kSavedCount; ++slot) {
    if ((state.from_reg & (1u << slot)) == 0) continue;
    if (state.slot_reg[slot] != rule->reg) {
      rule->saved[slot] = kSavedUnknown;
    } else if (rule->kind == CfaKind::kDeref) {
      rule->saved_from_reg = static_cast<uint8_t>(rule->saved_from_reg | (1u << slot));
    } else if (rule->kind == CfaKind::kRegOffset) {
      rule->saved[slot] = Words(int64_t{rule->saved[slot]} * 8 - rule->cfa_offset);
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
    state->rule.ra_offset_words = initial.rule.ra_offset_words;
  } else if (const int slot = SlotOf(reg); slot >= 0) {
    const uint8_t bit = static_cast<uint8_t>(1u << slot);
    state->rule.saved[slot] = initial.rule.saved[slot];
    state->slot_reg[slot] = initial.slot_reg[slot];
    state->from_reg = static_cast<uint8_t>((state->from_reg & ~bit) | (initial.from_reg & bit));
  }
}

void SetCfa(FrameState* state, CfaKind kind, uint64_t reg, int64_t inner, int64_t offset) {
  state->rule.kind = CfaKind::kUnsupported;
  if (reg >= kDwarfRegCount || inner > INT16_MAX || inner < INT16_MIN) return;
  if (offset > INT32_MAX || offset < INT32_MIN) return;
  state->rule.kind = kind;
  state->rule.reg = static_cast<uint8_t>(reg);
  state->rule.deref_offset = static_cast<int16_t>(inner);
  state->rule.cfa_offset = static_cast<int32_t>(offset);
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

UnwindRule ExceptionalRule(const FrameState& state, bool is_signal_frame) {
  using Ra = FrameState::ReturnAddress;
  if (is_signal_frame) {
#if defined(__x86_64__)
    const UnwindRule& rule = state.rule;
    if (rule.kind != CfaKind::kDeref || rule.reg != kDwarfSp ||
        rule.deref_offset != kSignalRspOffset || rule.cfa_offset != 0) {
      return {};
    }
#endif
    return {.kind = CfaKind::kSignalFrame};
  }
  if (state.return_address == Ra::kUndefined) return {.kind = CfaKind::kRoot};
  if (state.return_address != Ra::kSaved || !state.sp_is_cfa) return {};
  if (state.rule.kind == CfaKind::kUnsupported) return {};
  UnwindRule rule = state.rule;
  PlaceRegisterRelativeSlots(state, &rule);
  return rule;
}

FrameState StartState() {
  FrameState state;
#if defined(__aarch64__)
  state.return_address = FrameState::ReturnAddress::kSaved;
  state.rule.ra_offset_words = kRaInRegister;
#endif
  return state;
}

}  // namespace podo::capture
