// SPDX-License-Identifier: Apache-2.0
// Unwind rows as the signal handler reads them: plain arrays, no libc, no calls, no locks.
// They are prepared outside the handler (eh_frame.h, modules.h) and never change once published.
#ifndef PODO_LIB_CAPTURE_UNWIND_ROWS_H_
#define PODO_LIB_CAPTURE_UNWIND_ROWS_H_

#include <cstdint>

namespace podo::capture {

// DWARF register numbers, and the callee-saved registers a rule describes (order of `saved`).
// kFrameSlot is the index in `saved` of the frame pointer (rbp, x29).
#if defined(__aarch64__)
inline constexpr uint8_t kDwarfFp = 29;
inline constexpr uint8_t kDwarfSp = 31;
inline constexpr uint8_t kDwarfRa = 30;
inline constexpr uint8_t kSavedRegs[6] = {19, 29, 20, 21, 22, 23};
inline constexpr uint8_t kDwarfRegCount = 32;     // x0..x30, sp
inline constexpr bool kCallsIntoRegister = true;  // a call leaves its return address in one
#else
inline constexpr uint8_t kDwarfFp = 6;
inline constexpr uint8_t kDwarfSp = 7;
inline constexpr uint8_t kDwarfRa = 16;
inline constexpr uint8_t kSavedRegs[6] = {3, 6, 12, 13, 14, 15};  // rbx, rbp, r12..r15
inline constexpr uint8_t kDwarfRegCount = 16;                     // registers a CFA may start from
inline constexpr bool kCallsIntoRegister = false;
#endif
inline constexpr int kSavedCount = 6;
inline constexpr int kFrameSlot = 1;

// How to find the CFA, which is the caller's stack pointer.
enum class CfaKind : uint8_t {
  kUnsupported = 0,  // there is a rule, but rows cannot express it: residue
  kRegOffset,        // CFA = reg + cfa_offset
  kDeref,            // CFA = *(reg + deref_offset) + cfa_offset
  kPlt,              // CFA = reg + cfa_offset + ((pc & 15) >= deref_offset ? 8 : 0)
  kSignalFrame,      // the kernel's frame: every register is in the ucontext that sp points at
  kRoot,             // return address undefined: the outermost frame
  kNoUnwind,         // no FDE covers this pc
};

// `saved[i]` and `ra_offset_words` count 8-byte words from the CFA, except for these values.
inline constexpr int16_t kSavedSame = INT16_MIN;         // the register still holds its value
inline constexpr int16_t kSavedUnknown = INT16_MIN + 1;  // undefined, or not expressible
inline constexpr int16_t kRaInRegister = INT16_MIN + 2;  // aarch64: still in x30 (frame 0 only)

inline constexpr uint8_t kRuleRaSigned = 1;  // aarch64 flag: the return address carries a PAC

// How to find the caller's frame. Kept once per module however many rows use it.
// 24 bytes: three rules in two cache lines at worst, and no rule needs a wider field in practice.
struct UnwindRule {
  CfaKind kind = CfaKind::kUnsupported;
  uint8_t reg = 0;             // DWARF number below kDwarfRegCount; volatile ones: frame 0 only
  uint8_t saved_from_reg = 0;  // bit i: saved[i] counts from the value of `reg`, not from the CFA
                               // (only with kDeref: frames that realign the stack)
  uint8_t flags = 0;           // kRule...
  int32_t cfa_offset = 0;
  int16_t deref_offset = 0;  // bytes (kDeref); the threshold (kPlt)
  int16_t ra_offset_words = 0;
  int16_t saved[kSavedCount] = {};  // of kSavedRegs

  friend bool operator==(const UnwindRule&, const UnwindRule&) = default;
};
static_assert(sizeof(UnwindRule) == 24);

// Valid from its pc up to the next row's.
struct UnwindRow {
  uint32_t pc_offset = 0;  // from ModuleRows::start
  uint32_t rule = 0;       // index into ModuleRows::rules

  friend bool operator==(const UnwindRow&, const UnwindRow&) = default;
};
static_assert(sizeof(UnwindRow) == 8);

// Small pages make the bisection short: 512 bytes hold some ten rows, which is two cache lines.
// Their index costs 1/128 byte per byte of code.
inline constexpr int kRowPageShift = 9;

// The rows of one module. Everything it points at is one private mapping of podo's, so that a
// module that is unmapped takes nothing away from a walk.
struct ModuleRows {
  uint64_t start = 0;  // the lowest executable byte
  uint64_t end = 0;    // one past the highest; end - start < 4 GiB
  // rows[0].pc_offset == 0 and row_count >= 1 whenever start < end; strictly rising pc_offset.
  uint32_t row_count = 0;
  uint32_t rule_count = 0;
  const UnwindRow* rows = nullptr;
  const UnwindRule* rules = nullptr;
  // For page p of the range: index of the last row at or before the page's first byte; one entry
  // more than there are pages, the last one being row_count - 1.
  const uint32_t* page_first_row = nullptr;
};

// The rule for `pc`, or nullptr if pc is outside [start, end). For a return address pass pc - 1.
// Bounded: one page of rows (<= 512) is bisected, <= 10 steps. Async-signal-safe, calls nothing.
inline const UnwindRule* FindRule(const ModuleRows& module, uint64_t pc) noexcept {
  if (pc < module.start || pc >= module.end) return nullptr;
  const uint32_t offset = static_cast<uint32_t>(pc - module.start);
  const uint32_t* page = module.page_first_row + (offset >> kRowPageShift);
  const UnwindRow* row = module.rows + page[0];
  uint32_t count = page[1] - page[0] + 1;
  while (count > 1) {
    const uint32_t half = count / 2;
    if (row[half].pc_offset <= offset) row += half;
    count -= half;
  }
  return module.rules + row->rule;
}

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_UNWIND_ROWS_H_
