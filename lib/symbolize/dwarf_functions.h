// SPDX-License-Identifier: Apache-2.0
// Walks the DIEs of one unit down to the functions, and inlined calls in them, that cover given
// addresses.
#ifndef PODO_LIB_SYMBOLIZE_DWARF_FUNCTIONS_H_
#define PODO_LIB_SYMBOLIZE_DWARF_FUNCTIONS_H_

#include <elfutils/libdw.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "symbolize/budget.h"

namespace podo::symbolize {

// One function around an address. Good for as long as the libdw handle.
struct Scope {
  Dwarf_Die die = {};             // DW_TAG_subprogram or DW_TAG_inlined_subroutine
  std::string_view linkage_name;  // empty for C and for what has no linkage
  int64_t decl_line = 0;
  uint64_t call_file = 0;  // of an inlined one: where its caller calls it
  int64_t call_line = 0;
};

// The scopes of one address, the physical function first, the innermost inlined one last.
struct ScopeChain {
  std::vector<Scope> scopes;
  uint64_t function_start = 0;
};

// Calls `visit(low, high)` for each address range of `die`; false if the budget ended. Ranges at
// address 0 are dead code that the linker threw away.
bool ForEachRange(Dwarf_Die* die, Budget* budget,
                  absl::FunctionRef<void(uint64_t, uint64_t)> visit);

// Calls `visit` for each subprogram of the unit that stands at its top, in namespaces, or in
// types where the language puts code there (not in C and C++, whose types are large and hold
// declarations only); stops when the budget ends.
void ForEachFunction(Dwarf_Die* unit_die, Budget* budget,
                     absl::FunctionRef<void(Dwarf_Die*)> visit);

// Fills `chains` (as many as `addresses`, which are sorted).
void FindScopes(Dwarf_Die* unit_die, absl::Span<const uint64_t> addresses,
                absl::Span<ScopeChain> chains, Budget* budget);

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_DWARF_FUNCTIONS_H_
