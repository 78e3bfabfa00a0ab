// SPDX-License-Identifier: Apache-2.0
// The DWARF of one file through libdw: which unit covers an address, and the chain of functions
// (inlined ones too) around it.
//
// The cheap way found by measurement: one look at each unit's ranges, then only into units and
// functions that cover an address, all addresses of a function in one descent. dwarf_getscopes
// costs some 50 times that. No libdwfl: its callbacks may call debuginfod.
#ifndef PODO_LIB_SYMBOLIZE_DWARF_READER_H_
#define PODO_LIB_SYMBOLIZE_DWARF_READER_H_

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "symbolize/budget.h"
#include "symbolize/elf_file.h"
#include "symbolize/line_program.h"
#include "symbolize/source_frame.h"

namespace podo::symbolize {

// Addresses [low, high) belong to the unit whose first DIE is at `unit`.
struct UnitRange {
  uint64_t low = 0;
  uint64_t high = 0;
  uint64_t unit = 0;
};

// One thread. The files must outlive it. Heap: libdw's, given back by closing its handle every few
// hundred units (kUnitsPerHandle) and at the end.
class DwarfReader {
 public:
  // `alt` may be null. ok() is false if libdw refuses the file.
  DwarfReader(const ElfFile& file, const ElfFile* alt);

  bool ok() const { return dwarf_ != nullptr; }

  // The ranges of all units, sorted by `low`; false if the budget ended first.
  bool ListUnits(std::vector<UnitRange>* ranges, Budget* budget);

  struct Answer {
    std::vector<SourceFrame> frames;  // innermost first; empty where DWARF knows no function
    std::string file;                 // the line table's answer, also where there is no function
    int64_t line = 0;
    uint64_t function_start = 0;
  };
  // Calls `take(i, answer)` for each of `addresses` (sorted, all in `unit`), or for none if the
  // budget ends. A physical function without a linkage name has an empty system_name. One answer
  // exists at a time: names of thousands of bytes times all addresses of a large unit would break
  // any memory cap.
  void Resolve(uint64_t unit, absl::Span<const uint64_t> addresses, Budget* budget,
               absl::FunctionRef<void(size_t, Answer)> take);

 private:
  struct CloseDwarf {
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
  };
  using Handle = std::unique_ptr<Dwarf, CloseDwarf>;
  // A handle that has expanded this many units is replaced: each costs about 1 KB, and 10 to 20 KB
  // more for abbreviations once its DIEs are read.
  static constexpr int kUnitsPerHandle = 512;

  void OpenHandle();
  // Reopens if the handle has grown old; false if that fails.
  bool CountUnit();
  bool AppendRanges(Dwarf_Die* unit_die, std::vector<UnitRange>* ranges, Budget* budget);

  const ElfFile& file_;
  const ElfFile* alt_;
  Handle alt_dwarf_;  // closed after dwarf_, which points to it
  Handle dwarf_;
  LineSections line_sections_;
  int units_opened_ = 0;
};

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_DWARF_READER_H_
