// SPDX-License-Identifier: Apache-2.0
#include "capture/cfa_program.h"

#include <doctest/doctest.h>

#include <string>

#include "capture/eh_frame.h"
#include "eh_bytes.h"

namespace podo::capture {
namespace {

// The rows of one function of 0x100 bytes, all the text there is, with this program.
std::string RowsOfProgram(const Bytes& program) {
  EhBytes section(0x5000);
  section.PlainFde(section.PlainCie(), 0x1000, 0x100, program);
  EhFrameInput input;
  input.bytes = section.bytes();
  input.address = 0x5000;
  input.text = {{0x1000, 0x1100}};
  EhFrameCounts counts;
  const base::StatusOr<RowTable> table = BuildRows(input, &counts);
  return table.ok() ? Describe(table->rows()) : std::string(table.status().message());
}

}  // namespace

TEST_CASE("Every call-frame instruction gives the rule the DWARF standard says") {
  struct Case {
    std::string name;
    Bytes program;
    std::string rows;
  };
  const Case cases[] = {
      {"no instruction: the CIE's rule", {}, "0:r7+8"},
      {"nop", {0, 0, 0}, "0:r7+8"},
      {"advance_loc, def_cfa_offset, offset", {0x41, 0x0e, 16, 0x86, 2}, "0:r7+8 1:r7+16 r6@-2"},
      {"advance_loc1", {0x02, 0x80, 0x0e, 16}, "0:r7+8 80:r7+16"},
      {"advance_loc2", {0x03, 0x90, 0, 0x0e, 16}, "0:r7+8 90:r7+16"},
      {"advance_loc4", {0x04, 0xa0, 0, 0, 0, 0x0e, 16}, "0:r7+8 a0:r7+16"},
      {"MIPS_advance_loc8", {0x1d, 0xb0, 0, 0, 0, 0, 0, 0, 0, 0x0e, 16}, "0:r7+8 b0:r7+16"},
      {"advance by nothing: the later rule holds", {0x40, 0x0e, 16}, "0:r7+16"},
      {"advance past the end: no row", {0x03, 0, 1, 0x0e, 16}, "0:r7+8"},
      {"advance to a rule that is the same: one row", {0x44, 0x0e, 8}, "0:r7+8"},
      {"def_cfa", {0x0c, 6, 16}, "0:r6+16"},
      {"def_cfa_register keeps the offset", {0x0e, 24, 0x0d, 6}, "0:r6+24"},
      {"def_cfa_sf is factored", {0x12, 6, 0x7e}, "0:r6+16"},
      {"def_cfa_offset_sf is factored", {0x13, 0x7d}, "0:r7+24"},
      {"any register may start the CFA", {0x0c, 10, 0}, "0:r10+0"},
      {"a register that rows cannot name", {0x0c, 17, 0}, "0:unsupported"},
      {"offset_extended", {0x05, 15, 3}, "0:r7+8 r15@-3"},
      {"offset_extended_sf", {0x11, 14, 0x7e}, "0:r7+8 r14@+2"},
      {"GNU_negative_offset_extended", {0x2f, 13, 2}, "0:r7+8 r13@+2"},
      {"restore", {0x83, 2, 0x41, 0xc3}, "0:r7+8 r3@-2 1:r7+8"},
      {"restore_extended", {0x8c, 2, 0x41, 0x06, 12}, "0:r7+8 r12@-2 1:r7+8"},
      {"restore of the return address", {0x07, 16, 0x41, 0xd0}, "0:root 1:r7+8"},
      {"undefined", {0x07, 3}, "0:r7+8 r3?"},
      {"same_value", {0x83, 2, 0x41, 0x08, 3}, "0:r7+8 r3@-2 1:r7+8"},
      {"register: in another one", {0x09, 3, 1}, "0:r7+8 r3?"},
      {"register: in itself", {0x09, 3, 3}, "0:r7+8"},
      {"remember and restore the state, CFA included",
       {0x0e, 16, 0x86, 2, 0x0a, 0x41, 0x0e, 8, 0xc6, 0x41, 0x0b},
       "0:r7+16 r6@-2 1:r7+8 2:r7+16 r6@-2"},
      {"val_offset of a saved register", {0x14, 3, 1}, "0:r7+8 r3?"},
      {"val_offset_sf of a saved register", {0x15, 3, 1}, "0:r7+8 r3?"},
      {"val_offset 0 of sp is what rows mean anyway", {0x14, 7, 0}, "0:r7+8"},
      {"val_offset of sp that is not 0", {0x14, 7, 1}, "0:unsupported"},
      {"sp saved in memory", {0x87, 2}, "0:unsupported"},
      {"val_expression", {0x16, 3, 2, 0x77, 0}, "0:r7+8 r3?"},
      {"GNU_args_size changes nothing", {0x2e, 16}, "0:r7+8"},
      {"GNU_window_save means nothing on x86_64", {0x2d}, "0:r7+8"},
      {"registers rows do not keep are skipped", {0x81, 2, 0x91, 3}, "0:r7+8"},
      {"return address elsewhere", {0x90, 2}, "0:r7+8 ra@-2"},
      {"return address in a register", {0x09, 16, 5}, "0:unsupported"},
      {"return address undefined: the root", {0x07, 16}, "0:root"},
      {"an offset that is no whole word", {0x05, 0x83, 0, 1, 0x11, 3, 0x7f}, "0:r7+8 r3@+1"},
      {"a word offset too far for a row", Join({{0x83}, Uleb(40000)}), "0:r7+8 r3?"},
      {"a CFA offset beyond 2 GiB", Join({{0x0e}, Uleb(uint64_t{1} << 31)}), "0:unsupported"},
      {"an opcode nobody knows: this FDE only", {0x41, 0x3f}, "0:unsupported"},
      {"restore_state without remember", {0x41, 0x0b}, "0:unsupported"},
      {"an operand that is cut off", {0x41, 0x0c, 7}, "0:unsupported"},
      {"a LEB128 without end", {0x0e, 0x80, 0x80, 0x80}, "0:unsupported"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(RowsOfProgram(c.program) == c.rows);
  }
}

TEST_CASE("Expressions that real code uses are recognised and all others are left to the residue") {
  struct Case {
    std::string name;
    Bytes program;
    std::string rows;
  };
  const Case cases[] = {
      {"breg", {0x0f, 2, 0x77, 16}, "0:r7+16"},
      {"bregx", {0x0f, 3, 0x92, 10, 16}, "0:r10+16"},
      {"OpenSSL: *(rsp+40)+8", {0x0f, 5, 0x77, 40, 0x06, 0x23, 8}, "0:*(r7+40)+8"},
      {"red zone: *(rsp-8)+8", {0x0f, 5, 0x77, 0x78, 0x06, 0x23, 8}, "0:*(r7-8)+8"},
      {"realigned stack: *(rbp-8)", {0x0f, 3, 0x76, 0x78, 0x06}, "0:*(r6-8)+0"},
      {"plus_uconst before the load", {0x0f, 5, 0x77, 0, 0x23, 16, 0x06}, "0:*(r7+16)+0"},
      {"constants and plus", {0x0f, 6, 0x77, 8, 0x06, 0x08, 24, 0x22}, "0:*(r7+8)+24"},
      {"constant first", {0x0f, 4, 0x38, 0x77, 8, 0x22}, "0:r7+16"},
      {"minus", {0x0f, 4, 0x77, 16, 0x38, 0x1c}, "0:r7+8"},
      {"const2s, const4u",
       {0x0f, 12, 0x77, 0, 0x0b, 0xf8, 0xff, 0x22, 0x0c, 16, 0, 0, 0, 0x22},
       "0:r7+8"},
      {"a lazy PLT",
       {0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22},
       "0:plt(11)r7+8"},
      {"a PLT with a branch-tracking prefix",
       {0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x35, 0x2a, 0x33, 0x24, 0x22},
       "0:plt(5)r7+8"},
      {"a PLT with another shift",
       {0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x34, 0x24, 0x22},
       "0:unsupported"},
      {"two loads", {0x0f, 4, 0x77, 8, 0x06, 0x06}, "0:unsupported"},
      {"registers multiplied",
       {0x0f, 9, 0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x06},
       "0:unsupported"},
      {"a register number rows cannot hold", {0x0f, 4, 0x92, 0x80, 2, 8}, "0:unsupported"},
      {"a load too far away", {0x0f, 5, 0x77, 0x80, 0x80, 4, 0x06}, "0:unsupported"},
      {"empty", {0x0f, 0}, "0:unsupported"},
      {"deref of nothing", {0x0f, 1, 0x06}, "0:unsupported"},
      {"plus with one operand", {0x0f, 3, 0x77, 8, 0x22}, "0:unsupported"},
      {"more values than any expression holds",
       {0x0f, 6, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31},
       "0:unsupported"},
      {"an expression longer than the FDE", {0x0f, 40, 0x77, 8}, "0:unsupported"},
      {"def_cfa_offset cannot change half of an expression",
       {0x0f, 3, 0x76, 0x78, 0x06, 0x0e, 8},
       "0:unsupported"},
      {"def_cfa after an expression is plain again",
       {0x0f, 3, 0x76, 0x78, 0x06, 0x41, 0x0c, 7, 8},
       "0:*(r6-8)+0 1:r7+8"},
      {"a realigned frame counts its registers from rbp",
       {0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0, 0x10, 15, 2, 0x76, 0x70},
       "0:*(r6-8)+0 r6@r6+0 r15@r6-2"},
      {"the same under a plain CFA is counted from the CFA",
       {0x0c, 6, 16, 0x10, 3, 2, 0x76, 0x78},
       "0:r6+16 r3@-3"},
      {"saved at an expression of the CFA", {0x10, 3, 2, 0x40, 0x1c}, "0:r7+8 r3@-2"},
      {"saved relative to some other register", {0x10, 3, 2, 0x76, 0}, "0:r7+8 r3?"},
      {"restore forgets the register it was counted from",
       {0x0c, 6, 16, 0x10, 3, 2, 0x76, 0x78, 0x41, 0xc3},
       "0:r6+16 r3@-3 1:r6+16"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(RowsOfProgram(c.program) == c.rows);
  }
}

TEST_CASE("Remembering without end costs the FDE, not the memory") {
  CHECK(RowsOfProgram(Bytes(100000, 0x0a)) == "0:unsupported");
}

}  // namespace podo::capture
