// SPDX-License-Identifier: Apache-2.0
#include "symbolize/dwarf_functions.h"

#include <dwarf.h>

#include <algorithm>

namespace podo::symbolize {
namespace {

// Real nesting of inlined calls and blocks stays under 100; hostile nesting must not eat the stack.
constexpr int kMaxDepth = 256;

// The next DIE on the same level; false at the end. Siblings that point backwards would loop.
bool NextSibling(Dwarf_Die* die, Budget* budget) {
  const Dwarf_Off before = dwarf_dieoffset(die);
  Dwarf_Die next;
  if (!budget->Spend() || dwarf_siblingof(die, &next) != 0) return false;
  if (dwarf_dieoffset(&next) <= before) return false;
  *die = next;
  return true;
}

bool FirstChild(Dwarf_Die* parent, Dwarf_Die* child, Budget* budget) {
  return budget->Spend() && dwarf_child(parent, child) == 0 &&
         dwarf_dieoffset(child) > dwarf_dieoffset(parent);
}

std::string_view StringOf(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute value;
  if (dwarf_attr_integrate(die, attribute, &value) == nullptr) return {};
  const char* text = dwarf_formstring(&value);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

uint64_t NumberOf(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute value;
  Dwarf_Word number = 0;
  if (dwarf_attr(die, attribute, &value) == nullptr) return 0;
  return dwarf_formudata(&value, &number) == 0 ? number : 0;
}

bool HasAddresses(Dwarf_Die* die) {
  return dwarf_hasattr(die, DW_AT_low_pc) != 0 || dwarf_hasattr(die, DW_AT_ranges) != 0;
}

Scope ReadScope(Dwarf_Die* die) {
  Scope scope;
  scope.name = StringOf(die, DW_AT_name);
  scope.linkage_name = StringOf(die, DW_AT_linkage_name);
  if (scope.linkage_name.empty()) scope.linkage_name = StringOf(die, DW_AT_MIPS_linkage_name);
  int line = 0;
  if (dwarf_decl_line(die, &line) == 0) scope.decl_line = line;
  scope.call_file = NumberOf(die, DW_AT_call_file);
  scope.call_line = static_cast<int64_t>(NumberOf(die, DW_AT_call_line));
  return scope;
}

// Languages whose types hold declarations only: the code stands at the top of the unit.
bool KeepsCodeOutOfTypes(Dwarf_Die* unit_die) {
  const int language = dwarf_srclang(unit_die);
  switch (language) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case DW_LANG_Mips_Assembler:
      return true;
    default:
      return false;
  }
}

bool IsType(int tag) {
  return tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
         tag == DW_TAG_enumeration_type || tag == DW_TAG_variant_part;
}

void WalkLevel(Dwarf_Die* parent, bool into_types, int depth, Budget* budget,
               absl::FunctionRef<void(Dwarf_Die*)> visit) {
  Dwarf_Die die;
  if (depth > kMaxDepth || !FirstChild(parent, &die, budget)) return;
  do {
    const int tag = dwarf_tag(&die);
    if (tag == DW_TAG_subprogram) {
      visit(&die);
    } else if (tag == DW_TAG_namespace || tag == DW_TAG_module || (into_types && IsType(tag))) {
      WalkLevel(&die, into_types, depth + 1, budget, visit);
    }
  } while (NextSibling(&die, budget));
}

// Descends one function with all its addresses at once.
class Descent {
 public:
  using Indices = std::vector<uint32_t>;

  Descent(absl::Span<const uint64_t> addresses, absl::Span<ScopeChain> chains, Budget* budget)
      : addresses_(addresses), chains_(chains), budget_(budget) {}

  void Function(Dwarf_Die* die) {
    Indices all;
    uint64_t start = 0;
    ForEachRange(die, budget_, [&](uint64_t low, uint64_t high) {
      if (start == 0) start = low;
      auto at = std::lower_bound(addresses_.begin(), addresses_.end(), low);
      for (; at != addresses_.end() && *at < high && budget_->Spend(); ++at) {
        const auto i = static_cast<uint32_t>(at - addresses_.begin());
        if (chains_[i].scopes.empty()) all.push_back(i);
      }
    });
    if (all.empty()) return;
    Dwarf_Addr low = 0;
    if (dwarf_lowpc(die, &low) == 0 && low != 0) start = low;
    const Scope scope = ReadScope(die);
    for (const uint32_t i : all) {
      chains_[i].scopes.assign(1, scope);
      chains_[i].function_start = start;
    }
    Blocks(die, all, 1, 1);
  }

 private:
  // `level` scopes are known for each of `indices` around the children of `parent`.
  void Blocks(Dwarf_Die* parent, const Indices& indices, size_t level, int depth) {
    Dwarf_Die die;
    if (depth > kMaxDepth || !FirstChild(parent, &die, budget_)) return;
    do {
      const int tag = dwarf_tag(&die);
      if (tag == DW_TAG_inlined_subroutine) {
        const Indices inside = Inside(&die, indices, level);
        if (inside.empty()) continue;
        const Scope scope = ReadScope(&die);
        for (const uint32_t i : inside) chains_[i].scopes.push_back(scope);
        Blocks(&die, inside, level + 1, depth + 1);
      } else if (tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
                 tag == DW_TAG_catch_block) {
        // A block without addresses of its own can still hold calls that have some.
        const Indices inside = HasAddresses(&die) ? Inside(&die, indices, level) : indices;
        if (!inside.empty()) Blocks(&die, inside, level, depth + 1);
      }
    } while (NextSibling(&die, budget_));
  }

  Indices Inside(Dwarf_Die* die, const Indices& indices, size_t level) {
    Indices inside;
    ForEachRange(die, budget_, [&](uint64_t low, uint64_t high) {
      auto at = std::lower_bound(indices.begin(), indices.end(), low,
                                 [&](uint32_t i, uint64_t value) { return addresses_[i] < value; });
      for (; at != indices.end() && addresses_[*at] < high && budget_->Spend(); ++at) {
        // An address that a sibling has claimed stays there.
        if (chains_[*at].scopes.size() == level) inside.push_back(*at);
      }
    });
    // Ranges may come in any order and overlap.
    std::sort(inside.begin(), inside.end());
    inside.erase(std::unique(inside.begin(), inside.end()), inside.end());
    return inside;
  }

  absl::Span<const uint64_t> addresses_;
  absl::Span<ScopeChain> chains_;
  Budget* budget_;
};

}  // namespace

bool ForEachRange(Dwarf_Die* die, Budget* budget,
                  absl::FunctionRef<void(uint64_t, uint64_t)> visit) {
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  ptrdiff_t offset = 0;
  while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
    if (!budget->Spend()) return false;
    // 1 is what GNU ld writes where 0 would end a range list.
    if (low > 1 && low < high) visit(low, high);
  }
  return true;
}

void ForEachFunction(Dwarf_Die* unit_die, Budget* budget,
                     absl::FunctionRef<void(Dwarf_Die*)> visit) {
  WalkLevel(unit_die, !KeepsCodeOutOfTypes(unit_die), 0, budget, visit);
}

void FindScopes(Dwarf_Die* unit_die, absl::Span<const uint64_t> addresses,
                absl::Span<ScopeChain> chains, Budget* budget) {
  Descent descent(addresses, chains, budget);
  ForEachFunction(unit_die, budget, [&](Dwarf_Die* die) { descent.Function(die); });
}

}  // namespace podo::symbolize
