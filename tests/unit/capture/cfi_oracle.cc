// SPDX-License-Identifier: Apache-2.0
#include "cfi_oracle.h"

#include <dwarf.h>

#include <cstdlib>
#include <optional>
#include <vector>

#include "absl/strings/str_format.h"

namespace podo::capture {
namespace {

uint64_t Hash(uint64_t value) {
  value = (value ^ (value >> 31)) * 0x7fb5d329728ea185u;
  value = (value ^ (value >> 27)) * 0x81dadef4bc2dd44du;
  return value ^ (value >> 33);
}

uint64_t Memory(uint64_t address) { return Hash(address + 0x1234567); }
uint64_t Register(uint64_t number, uint64_t pc) {
  return number == kDwarfRa ? pc : Hash(number + 1) & ~uint64_t{15};
}

// A DWARF stack machine for what libdw hands out; nullopt for an operation it does not know.
std::optional<uint64_t> Evaluate(const Dwarf_Op* ops, size_t count, uint64_t pc,
                                 std::optional<uint64_t> cfa) {
  std::vector<uint64_t> stack;
  for (size_t i = 0; i < count; ++i) {
    const Dwarf_Op& op = ops[i];
    if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) {
      stack.push_back(op.atom - DW_OP_lit0);
    } else if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) {
      stack.push_back(Register(op.atom - DW_OP_breg0, pc) + op.number);
    } else if (op.atom == DW_OP_bregx) {
      stack.push_back(Register(op.number, pc) + op.number2);
    } else if (op.atom == DW_OP_call_frame_cfa && cfa.has_value()) {
      stack.push_back(*cfa);
    } else if (op.atom >= DW_OP_const1u && op.atom <= DW_OP_consts) {
      stack.push_back(op.number);
    } else if (stack.empty()) {
      return std::nullopt;
    } else if (op.atom == DW_OP_plus_uconst) {
      stack.back() += op.number;
    } else if (op.atom == DW_OP_deref) {
      stack.back() = Memory(stack.back());
    } else if (stack.size() < 2) {
      return std::nullopt;
    } else {
      const uint64_t right = stack.back();
      stack.pop_back();
      uint64_t& left = stack.back();
      switch (op.atom) {
        case DW_OP_plus:
          left += right;
          break;
        case DW_OP_minus:
          left -= right;
          break;
        case DW_OP_mul:
          left *= right;
          break;
        case DW_OP_and:
          left &= right;
          break;
        case DW_OP_shl:
          left <<= right & 63;
          break;
        case DW_OP_ge:
          left = static_cast<int64_t>(left) >= static_cast<int64_t>(right);
          break;
        default:
          return std::nullopt;
      }
    }
  }
  if (stack.empty()) return std::nullopt;
  return stack.back();
}

Place PlaceByLibdw(Dwarf_Frame* frame, int reg, uint64_t pc, uint64_t cfa) {
  Dwarf_Op memory[3];
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_register(frame, reg, memory, &ops, &count) != 0) return {Place::How::kOther};
  if (count == 0) return {ops == nullptr ? Place::How::kSame : Place::How::kUndefined};
  if (ops[count - 1].atom == DW_OP_stack_value) return {Place::How::kOther};
  if (count == 1 &&
      (ops[0].atom == DW_OP_regx || (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31))) {
    return {Place::How::kOther};
  }
  const std::optional<uint64_t> at = Evaluate(ops, count, pc, cfa);
  if (!at.has_value()) return {Place::How::kOther};
  return {Place::How::kAt, *at};
}

Place PlaceByRule(int16_t words, uint64_t base) {
  if (words == kSavedSame || words == kRaInRegister) return {Place::How::kSame};
  if (words == kSavedUnknown) return {Place::How::kUndefined};
  return {Place::How::kAt, base + static_cast<uint64_t>(int64_t{words} * 8)};
}

const char* Name(Place::How how) {
  switch (how) {
    case Place::How::kSame:
      return "same";
    case Place::How::kUndefined:
      return "undefined";
    case Place::How::kAt:
      return "at";
    case Place::How::kOther:
      return "other";
  }
  return "?";
}

std::string PlaceDifference(const char* what, int index, const Place& oracle, const Place& row) {
  if (oracle == row) return "";
  if (oracle.how == Place::How::kOther && row.how == Place::How::kUndefined) return "";
  return absl::StrFormat("%s%d: libdw %s %#x, row %s %#x", what, index, Name(oracle.how),
                         oracle.address, Name(row.how), row.address);
}

}  // namespace

Unwound UnwindByLibdw(Dwarf_CFI* cfi, uint64_t pc) {
  Unwound out;
  Dwarf_Frame* frame = nullptr;
  if (dwarf_cfi_addrframe(cfi, pc, &frame) != 0) return out;
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  bool is_signal = false;
  dwarf_frame_info(frame, &start, &end, &is_signal);
  out.row_end = end;
  out.how = Unwound::How::kUnsupported;
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  const bool has_cfa = dwarf_frame_cfa(frame, &ops, &count) == 0 && count > 0;
  const std::optional<uint64_t> cfa =
      has_cfa ? Evaluate(ops, count, pc, std::nullopt) : std::nullopt;
  out.cfa = cfa.value_or(0);
  out.return_address = PlaceByLibdw(frame, kDwarfRa, pc, out.cfa);
  const bool has_return_address =
      out.return_address.how == Place::How::kAt ||
      (kCallsIntoRegister && out.return_address.how == Place::How::kSame);
  // sp itself is the CFA (a value, so kOther), except where setcontext loads another one.
  const Place sp = PlaceByLibdw(frame, kDwarfSp, pc, out.cfa);
  out.expressible = count == 1 && has_return_address && sp.how == Place::How::kOther;
  for (int i = 0; i < kSavedCount; ++i) {
    out.saved[i] = PlaceByLibdw(frame, kSavedRegs[i], pc, out.cfa);
  }
  if (is_signal) {
    out.how = Unwound::How::kSignal;
  } else if (out.return_address.how == Place::How::kUndefined) {
    out.how = Unwound::How::kRoot;
  } else if (cfa.has_value() && has_return_address) {
    out.how = Unwound::How::kFrame;
  }
  std::free(frame);
  return out;
}

Unwound UnwindByRule(const UnwindRule& rule, uint64_t pc) {
  Unwound out;
  const uint64_t reg = Register(rule.reg, pc);
  const uint64_t offset = static_cast<uint64_t>(int64_t{rule.cfa_offset});
  switch (rule.kind) {
    case CfaKind::kNoUnwind:
      out.how = Unwound::How::kNoRule;
      return out;
    case CfaKind::kRoot:
      out.how = Unwound::How::kRoot;
      return out;
    case CfaKind::kSignalFrame:
      out.how = Unwound::How::kSignal;
      return out;
    case CfaKind::kUnsupported:
      out.how = Unwound::How::kUnsupported;
      return out;
    case CfaKind::kRegOffset:
      out.cfa = reg + offset;
      break;
    case CfaKind::kDeref:
      out.cfa = Memory(reg + static_cast<uint64_t>(int64_t{rule.deref_offset})) + offset;
      break;
    case CfaKind::kPlt:
      out.cfa = reg + offset + ((pc & 15) >= static_cast<uint64_t>(rule.deref_offset) ? 8 : 0);
      break;
  }
  out.how = Unwound::How::kFrame;
  out.return_address = PlaceByRule(rule.ra_offset_words, out.cfa);
  for (int i = 0; i < kSavedCount; ++i) {
    const bool from_reg = (rule.saved_from_reg & (1u << i)) != 0;
    out.saved[i] = PlaceByRule(rule.saved[i], from_reg ? reg : out.cfa);
  }
  return out;
}

std::string Difference(const Unwound& oracle, const Unwound& row) {
  if (row.how == Unwound::How::kUnsupported) {
    const bool simple = oracle.how == Unwound::How::kRoot || oracle.how == Unwound::How::kNoRule ||
                        (oracle.how == Unwound::How::kFrame && oracle.expressible);
    return simple ? "row is unsupported, but libdw's rule is a plain one" : "";
  }
  if (oracle.how != row.how) {
    return absl::StrFormat("kind: libdw %d, row %d", static_cast<int>(oracle.how),
                           static_cast<int>(row.how));
  }
  if (row.how != Unwound::How::kFrame) return "";
  if (oracle.cfa != row.cfa) return absl::StrFormat("cfa: libdw %#x, row %#x", oracle.cfa, row.cfa);
  std::string text = PlaceDifference("ra", 0, oracle.return_address, row.return_address);
  for (int i = 0; i < kSavedCount && text.empty(); ++i) {
    // elfutils' table of x86_64 defaults names rax where the ABI says rbx (seen in 0.188), so a
    // callee-saved rbx that no instruction mentions is "undefined" to libdw.
    const bool default_rbx = kSavedRegs[i] == 3 && row.saved[i].how == Place::How::kSame;
    if (default_rbx && oracle.saved[i].how == Place::How::kUndefined) continue;
    text = PlaceDifference("saved", i, oracle.saved[i], row.saved[i]);
  }
  return text;
}

}  // namespace podo::capture
