// SPDX-License-Identifier: Apache-2.0
#include "capture/cfa_program.h"

#include <vector>

namespace podo::capture {
namespace {

enum Op : uint8_t {
  kAdvanceLoc = 0x40,  // top two bits; the low six are the operand
  kOffset = 0x80,
  kRestore = 0xc0,
  kNop = 0x00,
  kSetLoc = 0x01,
  kAdvanceLoc1 = 0x02,
  kAdvanceLoc2 = 0x03,
  kAdvanceLoc4 = 0x04,
  kOffsetExtended = 0x05,
  kRestoreExtended = 0x06,
  kUndefined = 0x07,
  kSameValue = 0x08,
  kRegister = 0x09,
  kRememberState = 0x0a,
  kRestoreState = 0x0b,
  kDefCfa = 0x0c,
  kDefCfaRegister = 0x0d,
  kDefCfaOffset = 0x0e,
  kDefCfaExpression = 0x0f,
  kExpression = 0x10,
  kOffsetExtendedSf = 0x11,
  kDefCfaSf = 0x12,
  kDefCfaOffsetSf = 0x13,
  kValOffset = 0x14,
  kValOffsetSf = 0x15,
  kValExpression = 0x16,
  kMipsAdvanceLoc8 = 0x1d,
  kNegateRaStateWithPc = 0x2c,  // aarch64
  kWindowSave = 0x2d,           // aarch64: negate_ra_state
  kArgsSize = 0x2e,
  kNegativeOffsetExtended = 0x2f,
};

// Compilers nest two deep; a hostile FDE must not make this grow with its length.
constexpr size_t kMaxRemembered = 64;

int64_t WrappingProduct(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// One run over one program.
class Program {
 public:
  Program(EhReader bytes, const Cie& cie, FrameState state, const EhBases& bases)
      : bytes_(bytes), cie_(cie), state_(state), bases_(bases) {}

  const FrameState& state() const { return state_; }

  // Runs until the location moves (true, `location` is the new one) or the program ends (false).
  bool RunToNextLocation(uint64_t* location) {
    while (!bytes_.at_end() && !bytes_.failed()) {
      const uint8_t op = bytes_.U8();
      const uint64_t low = op & 0x3f;
      switch (op & 0xc0) {
        case kAdvanceLoc:
          *location += low * cie_.code_align;
          return true;
        case kOffset:
          SetAtFactored(low, bytes_.Uleb());
          continue;
        case kRestore:
          RestoreRegister(&state_, cie_.initial, low);
          continue;
        default:
          if (Advance(op, location)) return true;
          if (!SetFrame(op) && !SetSaved(op)) bytes_.Fail();
      }
    }
    return false;
  }

  bool failed() const { return bytes_.failed(); }

 private:
  bool Advance(uint8_t op, uint64_t* location) {
    switch (op) {
      case kSetLoc:
        *location = bytes_.EncodedPointer(cie_.pointer_encoding, bases_);
        return true;
      case kAdvanceLoc1:
        *location += bytes_.U8() * cie_.code_align;
        return true;
      case kAdvanceLoc2:
        *location += bytes_.Fixed<uint16_t>() * cie_.code_align;
        return true;
      case kAdvanceLoc4:
        *location += bytes_.Fixed<uint32_t>() * cie_.code_align;
        return true;
      case kMipsAdvanceLoc8:
        *location += bytes_.Fixed<uint64_t>() * cie_.code_align;
        return true;
      default:
        return false;
    }
  }

  // Instructions about the CFA and the state as a whole. False: not one of these.
  bool SetFrame(uint8_t op) {
    switch (op) {
      case kNop:
        return true;
      case kRememberState:
        Remember();
        return true;
      case kRestoreState:
        Recall();
        return true;
      case kDefCfa: {
        const uint64_t reg = bytes_.Uleb();
        SetCfa(&state_, CfaKind::kRegOffset, reg, 0, static_cast<int64_t>(bytes_.Uleb()));
        return true;
      }
      case kDefCfaSf: {
        const uint64_t reg = bytes_.Uleb();
        SetCfa(&state_, CfaKind::kRegOffset, reg, 0, Factored(bytes_.Sleb()));
        return true;
      }
      case kDefCfaRegister:
        ChangeCfa(bytes_.Uleb(), state_.rule.cfa_offset);
        return true;
      case kDefCfaOffset:
        ChangeCfa(state_.rule.reg, static_cast<int64_t>(bytes_.Uleb()));
        return true;
      case kDefCfaOffsetSf:
        ChangeCfa(state_.rule.reg, Factored(bytes_.Sleb()));
        return true;
      case kDefCfaExpression:
        SetCfaExpression(&state_, bytes_.Sub(bytes_.Uleb()));
        return true;
      case kArgsSize:  // for landing pads, not for the CFA
        bytes_.Uleb();
        return true;
      case kWindowSave:
      case kNegateRaStateWithPc:
#if defined(__aarch64__)
        state_.rule.flags ^= kRuleRaSigned;
#endif
        return true;
      default:
        return false;
    }
  }

  // Instructions about one register. False: not one of these.
  bool SetSaved(uint8_t op) {
    using How = Saved::How;
    if (!IsRegisterOp(op)) return false;
    const uint64_t reg = bytes_.Uleb();
    switch (op) {
      case kOffsetExtended:
        SetAtFactored(reg, bytes_.Uleb());
        break;
      case kOffsetExtendedSf:
        SetRegister(&state_, reg, {How::kAt, 0, Factored(bytes_.Sleb())});
        break;
      case kNegativeOffsetExtended:
        SetRegister(
            &state_, reg,
            {How::kAt, 0, WrappingProduct(Factored(static_cast<int64_t>(bytes_.Uleb())), -1)});
        break;
      case kRestoreExtended:
        RestoreRegister(&state_, cie_.initial, reg);
        break;
      case kUndefined:
        SetRegister(&state_, reg, {How::kUndefined});
        break;
      case kSameValue:
        SetRegister(&state_, reg, {How::kSame});
        break;
      case kRegister: {
        const bool itself = bytes_.Uleb() == reg;
        SetRegister(&state_, reg, {itself ? How::kSame : How::kInexpressible});
        break;
      }
      case kExpression:
        SetRegister(&state_, reg, SavedAtExpression(bytes_.Sub(bytes_.Uleb())));
        break;
      case kValOffset:
        SetRegister(&state_, reg,
                    {How::kCfaValue, 0, Factored(static_cast<int64_t>(bytes_.Uleb()))});
        break;
      case kValOffsetSf:
        SetRegister(&state_, reg, {How::kCfaValue, 0, Factored(bytes_.Sleb())});
        break;
      case kValExpression:
        bytes_.Skip(bytes_.Uleb());
        SetRegister(&state_, reg, {How::kInexpressible});
        break;
    }
    return true;
  }

  static bool IsRegisterOp(uint8_t op) {
    switch (op) {
      case kOffsetExtended:
      case kOffsetExtendedSf:
      case kNegativeOffsetExtended:
      case kRestoreExtended:
      case kUndefined:
      case kSameValue:
      case kRegister:
      case kExpression:
      case kValOffset:
      case kValOffsetSf:
      case kValExpression:
        return true;
      default:
        return false;
    }
  }

  int64_t Factored(int64_t offset) const { return WrappingProduct(offset, cie_.data_align); }

  void SetAtFactored(uint64_t reg, uint64_t offset) {
    SetRegister(&state_, reg, {Saved::How::kAt, 0, Factored(static_cast<int64_t>(offset))});
  }

  // Changing half of a CFA that is not "register + offset" has no meaning.
  void ChangeCfa(uint64_t reg, int64_t offset) {
    const bool plain = state_.rule.kind == CfaKind::kRegOffset;
    SetCfa(&state_, plain ? CfaKind::kRegOffset : CfaKind::kUnsupported, reg, 0, offset);
  }

  void Remember() {
    if (remembered_.size() == kMaxRemembered) return bytes_.Fail();
    remembered_.push_back(state_);
  }

  void Recall() {
    if (remembered_.empty()) return bytes_.Fail();
    state_ = remembered_.back();
    remembered_.pop_back();
  }

  EhReader bytes_;
  const Cie& cie_;
  FrameState state_;
  EhBases bases_;
  std::vector<FrameState> remembered_;
};

}  // namespace

bool RunCieProgram(EhReader program, Cie* cie) {
  Program run(program, *cie, StartState(), {});
  uint64_t location = 0;
  if (run.RunToNextLocation(&location) || run.failed()) return false;  // a CIE has no location
  cie->initial = run.state();
  return true;
}

bool RunFdeProgram(EhReader program, const Cie& cie, FdeRange range, uint64_t module_start,
                   const EhBases& bases, RowTableBuilder* rows) {
  Program run(program, cie, cie.initial, bases);
  uint64_t location = range.begin;
  while (location < range.end) {
    uint64_t next = location;
    const bool more = run.RunToNextLocation(&next);
    if (run.failed() || next < location) return false;
    const uint32_t offset = static_cast<uint32_t>(location - module_start);
    if (run.state().IsPlain() && !cie.is_signal_frame) {
      rows->Append(offset, run.state().rule);
    } else {
      rows->Append(offset, ExceptionalRule(run.state(), cie.is_signal_frame));
    }
    if (!more) return true;
    location = next;
  }
  return true;
}

}  // namespace podo::capture
