// SPDX-License-Identifier: Apache-2.0
#include "symbolize/dwarf_functions.h"

#include <dwarf.h>

#include <algorithm>

#include "symbolize/dwarf_walk.h"

namespace podo::symbolize {
namespace {

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

Scope ReadScope(Dwarf_Die* die) {
  Scope scope;
  scope.die = *die;
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
  if (depth > kMaxDwarfDepth || !FirstChild(parent, &die, budget)) return;
  do {
    const int tag = dwarf_tag(&die);
    if (tag == DW_TAG_subprogram) {
      visit(&die);
    } else if (tag == DW_TAG_namespace || tag == DW_TAG_module || (into_types && IsType(tag))) {
      WalkLevel(&die, into_types, depth + 1, budget, visit);
    }
  } while (NextSibling(&die, budget));
}

// Functions defined inside a function: gcc leaves some lambdas in their closure type there.
void WalkLocal(Dwarf_Die* parent, int depth, Budget* budget,
               absl::FunctionRef<void(Dwarf_Die*)> visit) {
  Dwarf_Die die;
  if (depth > kMaxDwarfDepth || !FirstChild(parent, &die, budget)) return;
  do {
    const int tag = dwarf_tag(&die);
    if (tag == DW_TAG_subprogram) visit(&die);
    if (tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block || IsType(tag)) {
      WalkLocal(&die, depth + 1, budget, visit);
    }
  } while (NextSibling(&die, budget));
}

// Walks one function with all its addresses at once. The whole tree of inlined calls is looked at,
// not only the branches whose ranges cover an address: gcc writes inlined calls whose ranges reach
// beyond those of the call around them.
class Descent {
 public:
  using Indices = std::vector<uint32_t>;

  Descent(absl::Span<const uint64_t> addresses, absl::Span<ScopeChain> chains, Budget* budget)
      : addresses_(addresses), chains_(chains), budget_(budget) {}

  void Function(Dwarf_Die* die) {
    indices_.clear();
    uint64_t start = 0;
    ForEachRange(die, budget_, [&](uint64_t low, uint64_t high) {
      if (start == 0) start = low;
      auto at = std::lower_bound(addresses_.begin(), addresses_.end(), low);
      for (; at != addresses_.end() && *at < high && budget_->Spend(); ++at) {
        const auto i = static_cast<uint32_t>(at - addresses_.begin());
        if (chains_[i].scopes.empty()) indices_.push_back(i);
      }
    });
    if (indices_.empty()) return;
    // Ranges come in any order: the cold part first or last.
    std::sort(indices_.begin(), indices_.end());
    Dwarf_Addr low = 0;
    if (dwarf_lowpc(die, &low) == 0 && low != 0) start = low;
    path_.assign(1, ReadScope(die));
    for (const uint32_t i : indices_) {
      chains_[i].scopes = path_;
      chains_[i].function_start = start;
    }
    Blocks(die, 1);
  }

 private:
  // path_ holds the scopes around the children of `parent`.
  void Blocks(Dwarf_Die* parent, int depth) {
    Dwarf_Die die;
    if (depth > kMaxDwarfDepth || !FirstChild(parent, &die, budget_)) return;
    do {
      const int tag = dwarf_tag(&die);
      if (tag == DW_TAG_inlined_subroutine) {
        path_.push_back(ReadScope(&die));
        Claim(&die);
        Blocks(&die, depth + 1);
        path_.pop_back();
      } else if (tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
                 tag == DW_TAG_catch_block) {
        Blocks(&die, depth + 1);
      }
    } while (NextSibling(&die, budget_));
  }

  // Gives path_ to the addresses that `die` covers, unless they have a deeper one.
  void Claim(Dwarf_Die* die) {
    ForEachRange(die, budget_, [&](uint64_t low, uint64_t high) {
      auto at = std::lower_bound(indices_.begin(), indices_.end(), low,
                                 [&](uint32_t i, uint64_t value) { return addresses_[i] < value; });
      for (; at != indices_.end() && addresses_[*at] < high; ++at) {
        std::vector<Scope>& scopes = chains_[*at].scopes;
        if (!budget_->Spend(path_.size()) || scopes.size() >= path_.size()) continue;
        scopes = path_;
      }
    });
  }

  absl::Span<const uint64_t> addresses_;
  absl::Span<ScopeChain> chains_;
  Budget* budget_;
  Indices indices_;  // the function's addresses, ascending
  std::vector<Scope> path_;
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
  // Rarely needed, and a look at every DIE of every body: only if an address is left over.
  const bool complete = std::all_of(chains.begin(), chains.end(),
                                    [](const ScopeChain& chain) { return !chain.scopes.empty(); });
  if (complete) return;
  ForEachFunction(unit_die, budget, [&](Dwarf_Die* die) {
    WalkLocal(die, 0, budget, [&](Dwarf_Die* local) { descent.Function(local); });
  });
}

}  // namespace podo::symbolize
