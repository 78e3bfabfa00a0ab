// SPDX-License-Identifier: Apache-2.0
// The two steps of every walk over DIEs, made safe against files that lead in circles.
#ifndef PODO_LIB_SYMBOLIZE_DWARF_WALK_H_
#define PODO_LIB_SYMBOLIZE_DWARF_WALK_H_

#include <elfutils/libdw.h>

#include "symbolize/budget.h"

namespace podo::symbolize {

// Real nesting of scopes stays under 100; hostile nesting must not eat the stack.
inline constexpr int kMaxDwarfDepth = 256;

// Moves `die` on to the next one of its level; false at the end. Siblings that point backwards
// would loop.
inline bool NextSibling(Dwarf_Die* die, Budget* budget) {
  Dwarf_Die next;
  if (!budget->Spend() || dwarf_siblingof(die, &next) != 0) return false;
  if (dwarf_dieoffset(&next) <= dwarf_dieoffset(die)) return false;
  *die = next;
  return true;
}

inline bool FirstChild(Dwarf_Die* parent, Dwarf_Die* child, Budget* budget) {
  return budget->Spend() && dwarf_child(parent, child) == 0 &&
         dwarf_dieoffset(child) > dwarf_dieoffset(parent);
}

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_DWARF_WALK_H_
