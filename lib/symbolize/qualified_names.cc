// SPDX-License-Identifier: Apache-2.0
#include "symbolize/qualified_names.h"

#include <dwarf.h>

#include <algorithm>

#include "symbolize/dwarf_walk.h"

namespace podo::symbolize {
namespace {

// Concrete instance -> abstract instance -> declaration in the class: three in practice.
constexpr int kMaxReferences = 8;
// A local class in a function in a local class ...
constexpr int kMaxNestedFunctions = 4;

Dwarf_Die DeclarationOf(Dwarf_Die die) {
  for (int i = 0; i < kMaxReferences; ++i) {
    Dwarf_Attribute value;
    Dwarf_Die next;
    if (dwarf_attr(&die, DW_AT_abstract_origin, &value) == nullptr &&
        dwarf_attr(&die, DW_AT_specification, &value) == nullptr) {
      break;
    }
    if (dwarf_formref_die(&value, &next) == nullptr) break;
    die = next;
  }
  return die;
}

std::string NameOf(Dwarf_Die* die) {
  const char* name = dwarf_diename(die);
  return name == nullptr ? std::string() : std::string(name);
}

}  // namespace

std::string QualifiedNames::Of(Dwarf_Die die) { return Build(DeclarationOf(die), 0); }

std::string QualifiedNames::Build(Dwarf_Die declaration, int depth) {
  std::string name = NameOf(&declaration);
  if (name.empty() || depth > kMaxNestedFunctions) return name;
  Dwarf* dwarf = dwarf_cu_getdwarf(declaration.cu);
  const uint64_t target = dwarf_dieoffset(&declaration);
  if (auto it = names_.find({dwarf, target}); it != names_.end()) return it->second;

  std::string prefix;
  Dwarf_Die parent;
  if (dwarf_diecu(&declaration, &parent, nullptr, nullptr) == nullptr) return name;
  for (int level = 0; level < kMaxDwarfDepth; ++level) {
    const Key key = {dwarf, dwarf_dieoffset(&parent)};
    const std::vector<uint64_t>& children = ChildrenOf(&parent, key);
    auto after = std::upper_bound(children.begin(), children.end(), target);
    if (after == children.begin() || *--after == target) break;
    if (dwarf_offdie(dwarf, *after, &parent) == nullptr) break;
    AddPrefix(&parent, depth, &prefix);
  }
  name = prefix + name;
  names_.try_emplace({dwarf, target}, name);
  return name;
}

const std::vector<uint64_t>& QualifiedNames::ChildrenOf(Dwarf_Die* parent, const Key& key) {
  auto [it, inserted] = children_.try_emplace(key);
  Dwarf_Die die;
  if (!inserted || !FirstChild(parent, &die, budget_)) return it->second;
  do {
    it.value().push_back(dwarf_dieoffset(&die));
  } while (NextSibling(&die, budget_));
  return it->second;
}

void QualifiedNames::AddPrefix(Dwarf_Die* ancestor, int depth, std::string* prefix) {
  switch (dwarf_tag(ancestor)) {
    case DW_TAG_namespace: {
      const std::string name = NameOf(ancestor);
      *prefix += name.empty() ? "(anonymous namespace)::" : name + "::";
      break;
    }
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type: {
      const std::string name = NameOf(ancestor);
      if (!name.empty()) *prefix += name + "::";
      break;
    }
    case DW_TAG_subprogram:
      // Defined outside its class, it stands at the top of the unit; its declaration does not.
      *prefix = Build(DeclarationOf(*ancestor), depth + 1) + "::";
      break;
    default:
      break;
  }
}

}  // namespace podo::symbolize
