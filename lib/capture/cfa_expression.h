// SPDX-License-Identifier: Apache-2.0
// The few DWARF expressions that real CFI uses, recognised symbolically; the rest is "unknown".
#ifndef PODO_LIB_CAPTURE_CFA_EXPRESSION_H_
#define PODO_LIB_CAPTURE_CFA_EXPRESSION_H_

#include <cstdint>

#include "capture/eh_reader.h"

namespace podo::capture {

// What an expression computes.
struct ExpressionValue {
  enum class Kind : uint8_t {
    kUnknown,
    kConstant,     // offset
    kCfaOffset,    // CFA + offset (only where the expression starts with the CFA on its stack)
    kRegOffset,    // reg + offset
    kDerefOffset,  // *(reg + inner) + offset
    kPlt,          // reg + offset + ((pc & 15) >= inner ? 8 : 0)
  };
  Kind kind = Kind::kUnknown;
  uint64_t reg = 0;
  int64_t inner = 0;
  int64_t offset = 0;
};

// `cfa_on_stack`: for DW_CFA_expression, whose stack starts with the CFA. Bounded by the bytes'
// number; never fails, what it does not know is kUnknown.
ExpressionValue Recognize(EhReader expression, bool cfa_on_stack);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_CFA_EXPRESSION_H_
