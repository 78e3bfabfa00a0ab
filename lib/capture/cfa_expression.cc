// SPDX-License-Identifier: Apache-2.0
#include "capture/cfa_expression.h"

#include "capture/unwind_rows.h"

namespace podo::capture {
namespace {

using Kind = ExpressionValue::Kind;

enum Op : uint8_t {
  kOpDeref = 0x06,
  kOpConst1u = 0x08,
  kOpConst1s = 0x09,
  kOpConst2u = 0x0a,
  kOpConst2s = 0x0b,
  kOpConst4u = 0x0c,
  kOpConst4s = 0x0d,
  kOpConstU = 0x10,
  kOpConstS = 0x11,
  kOpAnd = 0x1a,
  kOpMinus = 0x1c,
  kOpPlus = 0x22,
  kOpPlusUconst = 0x23,
  kOpShl = 0x24,
  kOpGe = 0x2a,
  kOpLit0 = 0x30,
  kOpLit31 = 0x4f,
  kOpBreg0 = 0x70,
  kOpBreg31 = 0x8f,
  kOpBregx = 0x92,
};

// Offsets wrap like the addresses they are added to.
int64_t Add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

ExpressionValue Constant(int64_t value) { return {Kind::kConstant, 0, 0, value}; }

// Linkers describe a whole lazy PLT by one expression: each 16-byte slot jumps, pushes 8 bytes from
// byte `threshold` on, jumps again. breg(sp) 8, breg(pc) 0, lit15, and, litK, ge, lit3, shl, plus.
bool RecognizePlt(EhReader bytes, ExpressionValue* value) {
#if defined(__x86_64__)
  if (bytes.U8() != kOpBreg0 + kDwarfSp) return false;
  const int64_t base = bytes.Sleb();
  if (bytes.U8() != kOpBreg0 + kDwarfRa || bytes.Sleb() != 0) return false;
  if (bytes.U8() != kOpLit0 + 15 || bytes.U8() != kOpAnd) return false;
  const int threshold = bytes.U8() - kOpLit0;
  if (threshold < 0 || threshold > 15) return false;
  if (bytes.U8() != kOpGe || bytes.U8() != kOpLit0 + 3) return false;
  if (bytes.U8() != kOpShl || bytes.U8() != kOpPlus) return false;
  if (bytes.failed() || !bytes.at_end()) return false;
  *value = {Kind::kPlt, kDwarfSp, threshold, base};
  return true;
#else
  (void)bytes;
  (void)value;
  return false;
#endif
}

// A DWARF stack machine whose values are "something + offset".
class Machine {
 public:
  explicit Machine(bool cfa_on_stack) {
    if (cfa_on_stack) Push({Kind::kCfaOffset, 0, 0, 0});
  }

  ExpressionValue Run(EhReader bytes) {
    while (!bytes.at_end() && ok_) Step(bytes);
    if (!ok_ || bytes.failed() || depth_ == 0) return {};
    return stack_[depth_ - 1];
  }

 private:
  void Step(EhReader& bytes) {
    const uint8_t op = bytes.U8();
    if (op >= kOpLit0 && op <= kOpLit31) return Push(Constant(op - kOpLit0));
    if (op >= kOpBreg0 && op <= kOpBreg31) {
      return Push({Kind::kRegOffset, uint64_t{op} - kOpBreg0, 0, bytes.Sleb()});
    }
    if (op == kOpBregx) {
      const uint64_t reg = bytes.Uleb();
      return Push({Kind::kRegOffset, reg, 0, bytes.Sleb()});
    }
    if (op == kOpDeref) return Deref();
    if (op == kOpPlusUconst) return AddToTop(static_cast<int64_t>(bytes.Uleb()));
    if (op == kOpPlus || op == kOpMinus) return AddConstantAndValue(op == kOpMinus);
    PushConstant(op, bytes);
  }

  void PushConstant(uint8_t op, EhReader& bytes) {
    switch (op) {
      case kOpConst1u:
        return Push(Constant(bytes.U8()));
      case kOpConst1s:
        return Push(Constant(bytes.Fixed<int8_t>()));
      case kOpConst2u:
        return Push(Constant(bytes.Fixed<uint16_t>()));
      case kOpConst2s:
        return Push(Constant(bytes.Fixed<int16_t>()));
      case kOpConst4u:
        return Push(Constant(bytes.Fixed<uint32_t>()));
      case kOpConst4s:
        return Push(Constant(bytes.Fixed<int32_t>()));
      case kOpConstU:
        return Push(Constant(static_cast<int64_t>(bytes.Uleb())));
      case kOpConstS:
        return Push(Constant(bytes.Sleb()));
      default:
        ok_ = false;
    }
  }

  void Push(const ExpressionValue& value) {
    if (depth_ == kDepth) {
      ok_ = false;
      return;
    }
    stack_[depth_++] = value;
  }

  void AddToTop(int64_t amount) {
    if (depth_ == 0) {
      ok_ = false;
      return;
    }
    stack_[depth_ - 1].offset = Add(stack_[depth_ - 1].offset, amount);
  }

  void Deref() {
    if (depth_ == 0 || stack_[depth_ - 1].kind != Kind::kRegOffset) {
      ok_ = false;
      return;
    }
    ExpressionValue& top = stack_[depth_ - 1];
    top = {Kind::kDerefOffset, top.reg, top.offset, 0};
  }

  // One of the two must be a constant, and it must be the right-hand one of a subtraction.
  void AddConstantAndValue(bool subtract) {
    if (depth_ < 2) {
      ok_ = false;
      return;
    }
    const ExpressionValue right = stack_[--depth_];
    if (right.kind == Kind::kConstant) {
      return AddToTop(subtract ? Add(~right.offset, 1) : right.offset);
    }
    const ExpressionValue left = stack_[--depth_];
    if (subtract || left.kind != Kind::kConstant) {
      ok_ = false;
      return;
    }
    Push(right);
    AddToTop(left.offset);
  }

  static constexpr int kDepth = 4;  // no recognised expression needs more than 2
  ExpressionValue stack_[kDepth];
  int depth_ = 0;
  bool ok_ = true;
};

}  // namespace

ExpressionValue Recognize(EhReader expression, bool cfa_on_stack) {
  ExpressionValue plt;
  if (!cfa_on_stack && RecognizePlt(expression, &plt)) return plt;
  return Machine(cfa_on_stack).Run(expression);
}

}  // namespace podo::capture
