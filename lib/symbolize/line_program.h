// SPDX-License-Identifier: Apache-2.0
// The DWARF line table of one unit (versions 2 to 5), streamed past the addresses that are asked
// for.
//
// libdw would expand the whole table, some 100 bytes a row while it sorts; a unit with millions of
// rows would break any memory cap. Here nothing is kept but the answers.
#ifndef PODO_LIB_SYMBOLIZE_LINE_PROGRAM_H_
#define PODO_LIB_SYMBOLIZE_LINE_PROGRAM_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "symbolize/budget.h"
#include "symbolize/byte_cursor.h"

namespace podo::symbolize {

// Sections of one file, unpacked. They must outlive the LineProgram.
struct LineSections {
  Bytes line;      // .debug_line
  Bytes line_str;  // .debug_line_str
  Bytes str;       // .debug_str
};

struct LineHit {
  uint64_t file = 0;
  uint64_t line = 0;
  bool found = false;
};

class LineProgram {
 public:
  // Reads the header at `offset` of .debug_line; ok() is false if it cannot be understood.
  LineProgram(const LineSections& sections, uint64_t offset, std::string_view comp_dir);

  bool ok() const { return ok_; }
  // Runs the program once. `addresses` is sorted; `hits` has as many elements.
  void Match(absl::Span<const uint64_t> addresses, absl::Span<LineHit> hits, Budget* budget) const;
  // The path of file number `index` as rows and DW_AT_call_file count them; empty if unknown.
  std::string FileName(uint64_t index) const;

 private:
  struct Entry {
    std::string_view name;
    uint64_t directory = 0;
  };
  struct Format {
    uint64_t content = 0;
    uint64_t form = 0;
  };
  void ReadHeader(ByteCursor unit, bool dwarf64);
  void ReadTablesV4(ByteCursor* cursor);
  void ReadTablesV5(ByteCursor* cursor, bool dwarf64);
  std::vector<Entry> ReadEntriesV5(ByteCursor* cursor, bool dwarf64);
  Entry ReadEntryV5(ByteCursor* cursor, absl::Span<const Format> formats, bool dwarf64);
  std::string_view StringAt(Bytes section, uint64_t offset) const;

  LineSections sections_;
  std::string_view comp_dir_;
  uint16_t version_ = 0;
  uint8_t min_instruction_bytes_ = 1;
  int8_t line_base_ = 0;
  uint8_t line_range_ = 1;
  uint8_t opcode_base_ = 1;
  Bytes opcode_lengths_;
  std::vector<Entry> directories_;
  std::vector<Entry> files_;
  Bytes program_;
  bool ok_ = false;
};

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_LINE_PROGRAM_H_
