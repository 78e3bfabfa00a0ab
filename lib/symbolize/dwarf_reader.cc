// SPDX-License-Identifier: Apache-2.0
#include "symbolize/dwarf_reader.h"

#include <dwarf.h>

#include <algorithm>

#include "base/hash_map.h"
#include "symbolize/demangle.h"
#include "symbolize/dwarf_functions.h"
#include "symbolize/qualified_names.h"

namespace podo::symbolize {
namespace {

std::string_view UnitString(Dwarf_Die* unit, unsigned attribute) {
  Dwarf_Attribute value;
  if (dwarf_attr(unit, attribute, &value) == nullptr) return {};
  const char* text = dwarf_formstring(&value);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// Makes frames of one unit's scopes; a function met a second time is not named again.
class FrameMaker {
 public:
  FrameMaker(const LineProgram& lines, Budget* budget) : lines_(lines), qualified_(budget) {}

  // The innermost frame stands at the line table's line; every other one at the call in it.
  std::vector<SourceFrame> Frames(const ScopeChain& chain, const LineHit& hit) {
    std::vector<SourceFrame> frames;
    uint64_t file = hit.file;
    int64_t line = static_cast<int64_t>(hit.line);
    for (size_t i = chain.scopes.size(); i-- > 0;) {
      SourceFrame frame = Named(chain.scopes[i]);
      if (hit.found || !frames.empty()) {
        frame.file = lines_.FileName(file);
        frame.line = line;
      }
      frames.push_back(std::move(frame));
      file = chain.scopes[i].call_file;
      line = chain.scopes[i].call_line;
    }
    return frames;
  }

 private:
  SourceFrame Named(const Scope& scope) {
    SourceFrame frame;
    frame.system_name = std::string(scope.linkage_name);
    frame.function =
        scope.linkage_name.empty() ? Demangle(qualified_.Of(scope.die)) : Demangled(scope);
    frame.start_line = scope.decl_line;
    return frame;
  }
  // Keyed by the text's place: a name stands once in .debug_str.
  const std::string& Demangled(const Scope& scope) {
    auto [it, inserted] = demangled_.try_emplace(scope.linkage_name.data());
    if (inserted) it.value() = Demangle(scope.linkage_name, qualified_.Of(scope.die));
    return it->second;
  }

  const LineProgram& lines_;
  QualifiedNames qualified_;
  base::HashMap<const char*, std::string> demangled_;
};

}  // namespace

DwarfReader::DwarfReader(const ElfFile& file, const ElfFile* alt) : file_(file), alt_(alt) {
  // Without its supplement most names of a dwz file are missing, and libdw would look for it in
  // places that FilePlaces does not name.
  if (alt_ == nullptr && !file_.SectionBytes(".gnu_debugaltlink").empty()) return;
  OpenHandle();
  // After libdw has unpacked the sections.
  line_sections_ = {file_.SectionBytes(".debug_line"), file_.SectionBytes(".debug_line_str"),
                    file_.SectionBytes(".debug_str")};
}

void DwarfReader::OpenHandle() {
  dwarf_.reset();
  alt_dwarf_.reset();
  units_opened_ = 0;
  dwarf_.reset(dwarf_begin_elf(file_.elf(), DWARF_C_READ, nullptr));
  if (dwarf_ == nullptr || alt_ == nullptr) return;
  alt_dwarf_.reset(dwarf_begin_elf(alt_->elf(), DWARF_C_READ, nullptr));
  if (alt_dwarf_ == nullptr) {
    dwarf_.reset();
  } else {
    dwarf_setalt(dwarf_.get(), alt_dwarf_.get());
  }
}

bool DwarfReader::CountUnit() {
  if (++units_opened_ > kUnitsPerHandle) OpenHandle();
  return dwarf_ != nullptr;
}

bool DwarfReader::AppendRanges(Dwarf_Die* unit_die, std::vector<UnitRange>* ranges,
                               Budget* budget) {
  const uint64_t unit = dwarf_dieoffset(unit_die);
  const size_t before = ranges->size();
  auto add = [&](uint64_t low, uint64_t high) {
    // Functions of one unit mostly lie side by side: one range instead of many.
    if (ranges->size() > before && ranges->back().high == low) {
      ranges->back().high = high;
    } else {
      ranges->push_back({low, high, unit});
    }
  };
  if (!ForEachRange(unit_die, budget, add)) return false;
  if (ranges->size() > before) return true;
  // Some producers give the unit no addresses; its functions have them.
  bool complete = true;
  ForEachFunction(unit_die, budget, [&](Dwarf_Die* function) {
    complete = complete && ForEachRange(function, budget, add);
  });
  return complete;
}

bool DwarfReader::ListUnits(std::vector<UnitRange>* ranges, Budget* budget) {
  Dwarf_Off offset = 0;
  Dwarf_Off next = 0;
  size_t header_bytes = 0;
  while (dwarf_ != nullptr && dwarf_next_unit(dwarf_.get(), offset, &next, &header_bytes, nullptr,
                                              nullptr, nullptr, nullptr, nullptr, nullptr) == 0) {
    if (!budget->Spend() || next <= offset) return false;
    Dwarf_Die die;
    if (dwarf_offdie(dwarf_.get(), offset + header_bytes, &die) != nullptr) {
      const int tag = dwarf_tag(&die);
      if ((tag == DW_TAG_compile_unit || tag == DW_TAG_skeleton_unit) &&
          !AppendRanges(&die, ranges, budget)) {
        return false;
      }
    }
    offset = next;
  }
  std::sort(ranges->begin(), ranges->end(),
            [](const UnitRange& a, const UnitRange& b) { return a.low < b.low; });
  return !budget->stopped() && !budget->exhausted();
}

void DwarfReader::Resolve(uint64_t unit, absl::Span<const uint64_t> addresses, Budget* budget,
                          absl::FunctionRef<void(size_t, Answer)> take) {
  Dwarf_Die die;
  if (!CountUnit() || dwarf_offdie(dwarf_.get(), unit, &die) == nullptr) return;

  std::vector<ScopeChain> chains(addresses.size());
  FindScopes(&die, addresses, absl::MakeSpan(chains), budget);

  std::vector<LineHit> hits(addresses.size());
  Dwarf_Attribute value;
  Dwarf_Word offset = ~Dwarf_Word{0};
  if (dwarf_attr(&die, DW_AT_stmt_list, &value) != nullptr) dwarf_formudata(&value, &offset);
  const LineProgram lines(line_sections_, offset, UnitString(&die, DW_AT_comp_dir));
  lines.Match(addresses, absl::MakeSpan(hits), budget);

  FrameMaker maker(lines, budget);
  for (size_t i = 0; i < addresses.size(); ++i) {
    // Half an answer must not be taken for a whole one.
    if (budget->stopped() || budget->exhausted()) return;
    Answer answer;
    answer.frames = maker.Frames(chains[i], hits[i]);
    answer.function_start = chains[i].function_start;
    if (hits[i].found) {
      answer.file = lines.FileName(hits[i].file);
      answer.line = static_cast<int64_t>(hits[i].line);
    }
    if (budget->stopped() || budget->exhausted()) return;
    take(i, std::move(answer));
  }
}

}  // namespace podo::symbolize
