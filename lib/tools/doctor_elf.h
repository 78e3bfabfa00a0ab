// SPDX-License-Identifier: Apache-2.0
// One ELF file on disk as podo would see it mapped: its unwind rows, by podo's own parser, and
// where its symbols are. The file may be anything.
#ifndef PODO_LIB_TOOLS_DOCTOR_ELF_H_
#define PODO_LIB_TOOLS_DOCTOR_ELF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "capture/eh_frame.h"
#include "capture/row_table.h"
#include "model/module.h"

namespace podo::doctor {

// Bytes of code by what the rows say of it.
struct Coverage {
  uint64_t text = 0;     // sections with code, in executable segments
  uint64_t covered = 0;  // there is a rule that podo's table holds
  uint64_t residue = 0;  // there is one that it cannot express: left to libunwind
  double Share() const { return text == 0 ? 1 : static_cast<double>(covered) / Text(); }
  double ResidueShare() const { return text == 0 ? 0 : static_cast<double>(residue) / Text(); }

 private:
  double Text() const { return static_cast<double>(text); }
};

// Pure. `text` may overlap and be in any order.
Coverage CoverageOf(const capture::ModuleRows& rows, std::vector<capture::AddressRange> text);

struct ElfRows {
  std::string build_id;
  Coverage coverage;
  uint32_t row_count = 0;
  uint32_t broken = 0;         // FDEs that cannot be read
  std::string unwind_problem;  // why no row could be made; empty also if there is no information
  std::vector<model::Segment> segments;
  capture::RowTable table;

  // What the rows say of the code at an offset of the file; null if no code is there.
  const capture::UnwindRule* RuleAtFileOffset(uint64_t offset) const;
};

// The error is one line without the path.
base::StatusOr<ElfRows> ReadElfRows(const std::string& path);

// Where names come from, the poorest first.
enum class Symbols { kNone, kDynamic, kTable, kDebugInfo, kDebugFile };

struct SymbolFacts {
  Symbols symbols = Symbols::kNone;
  std::string debug_file;
  std::string problem;  // one line
};

// As podo's symbolizer finds them. `build_id` is that of the file at `path`.
SymbolFacts FindSymbols(const std::string& path, const std::string& build_id,
                        uint64_t max_unpacked_bytes);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_ELF_H_
