// SPDX-License-Identifier: Apache-2.0
// libdw's reading of call-frame information, brought to the same form as an unwind rule's: both are
// evaluated over one made-up machine (registers and memory are hash values), so that any two rules
// that differ anywhere give different numbers.
#ifndef PODO_TESTS_UNIT_CAPTURE_CFI_ORACLE_H_
#define PODO_TESTS_UNIT_CAPTURE_CFI_ORACLE_H_

#include <elfutils/libdw.h>

#include <cstdint>
#include <string>

#include "capture/unwind_rows.h"

namespace podo::capture {

// Where the caller's value of a register is.
struct Place {
  enum class How { kSame, kUndefined, kAt, kOther };
  How how = How::kOther;
  uint64_t address = 0;  // kAt

  friend bool operator==(const Place&, const Place&) = default;
};

struct Unwound {
  enum class How { kNoRule, kRoot, kSignal, kFrame, kUnsupported };
  How how = How::kNoRule;
  uint64_t cfa = 0;
  Place return_address;
  Place saved[kSavedCount];
  uint64_t row_end = 0;     // of the oracle's own row; 0 = not known
  bool expressible = true;  // oracle: CFA is reg + offset and the return address is at CFA + n
};

Unwound UnwindByLibdw(Dwarf_CFI* cfi, uint64_t pc);
Unwound UnwindByRule(const UnwindRule& rule, uint64_t pc);

// Empty if they agree; else what differs. kOther of the oracle must be kUndefined ("not
// expressible") in a row.
std::string Difference(const Unwound& oracle, const Unwound& row);

}  // namespace podo::capture

#endif  // PODO_TESTS_UNIT_CAPTURE_CFI_ORACLE_H_
