// SPDX-License-Identifier: Apache-2.0
// The rules in force at one pc while call-frame instructions run, and the row rule made of them.
#ifndef PODO_LIB_CAPTURE_FRAME_STATE_H_
#define PODO_LIB_CAPTURE_FRAME_STATE_H_

#include <cstdint>

#include "capture/eh_reader.h"
#include "capture/unwind_rows.h"

namespace podo::capture {

// What is known at one pc: almost always just a rule, since a row is made at every instruction of a
// prologue and must cost nothing to make.
struct FrameState {
  enum class ReturnAddress : uint8_t { kUnset, kSaved, kUndefined, kInexpressible };

  // All of it holds if IsPlain(). `saved_from_reg` stays 0 here.
  UnwindRule rule{
      .saved = {kSavedSame, kSavedSame, kSavedSame, kSavedSame, kSavedSame, kSavedSame}};
  ReturnAddress return_address = ReturnAddress::kUnset;
  bool sp_is_cfa = true;  // false: a rule of its own for sp, which rows do not express
  uint8_t from_reg = 0;   // bit i: saved[i] counts from register slot_reg[i]
  uint8_t slot_reg[kSavedCount] = {};

  bool IsPlain() const {
    return return_address == ReturnAddress::kSaved && sp_is_cfa && from_reg == 0 &&
           rule.kind != CfaKind::kUnsupported;
  }
};

// What a register rule says, before it is known whose register it is.
struct Saved {
  enum class How : uint8_t { kAt, kAtReg, kSame, kUndefined, kCfaValue, kInexpressible };
  How how = How::kInexpressible;
  uint64_t reg = 0;  // kAtReg
  int64_t offset = 0;
};

// The state before any instruction.
FrameState StartState();

// Registers that rows do not describe are ignored.
void SetRegister(FrameState* state, uint64_t reg, const Saved& saved);
void RestoreRegister(FrameState* state, const FrameState& initial, uint64_t reg);
Saved SavedAtExpression(EhReader expression);

// What cannot be expressed becomes kUnsupported.
void SetCfa(FrameState* state, CfaKind kind, uint64_t reg, int64_t inner, int64_t offset);
void SetCfaExpression(FrameState* state, EhReader expression);

// The rule of a state that is not plain, or of a signal frame.
UnwindRule ExceptionalRule(const FrameState& state, bool is_signal_frame);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_FRAME_STATE_H_
