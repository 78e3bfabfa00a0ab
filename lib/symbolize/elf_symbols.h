// SPDX-License-Identifier: Apache-2.0
// Function names from .symtab or .dynsym, streamed past the addresses that are asked for: no table
// is kept, however many symbols there are.
#ifndef PODO_LIB_SYMBOLIZE_ELF_SYMBOLS_H_
#define PODO_LIB_SYMBOLIZE_ELF_SYMBOLS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "symbolize/budget.h"
#include "symbolize/elf_file.h"

namespace podo::symbolize {

struct SymbolHit {
  std::string_view name;  // points into the file; empty = none
  uint64_t start = 0;
  bool operator==(const SymbolHit&) const = default;
};

// For each of `addresses` (sorted) that has no hit yet, the symbol that covers it; among aliases
// a global one, then the one with fewer leading underscores. `hits` has as many elements.
void MatchSymbols(const ElfFile& file, absl::Span<const uint64_t> addresses,
                  absl::Span<SymbolHit> hits, Budget* budget);

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_ELF_SYMBOLS_H_
