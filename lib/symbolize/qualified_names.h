// SPDX-License-Identifier: Apache-2.0
// "ns::(anonymous namespace)::Class::function" for DIEs that have no linkage name: gcc gives none
// to functions that no other file can call.
#ifndef PODO_LIB_SYMBOLIZE_QUALIFIED_NAMES_H_
#define PODO_LIB_SYMBOLIZE_QUALIFIED_NAMES_H_

#include <elfutils/libdw.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/hash_map.h"
#include "symbolize/budget.h"

namespace podo::symbolize {

// DIEs do not know their parents; this descends from the unit by offset and remembers the levels
// it has seen. Good for as long as the libdw handle and meant for one unit: the memory is 8 bytes
// a DIE of the levels visited.
class QualifiedNames {
 public:
  explicit QualifiedNames(Budget* budget) : budget_(budget) {}

  // The name of the function that `die` is or is an instance of; empty if it has none.
  std::string Of(Dwarf_Die die);

 private:
  using Key = std::pair<Dwarf*, uint64_t>;  // a dwz supplement has offsets of its own

  std::string Build(Dwarf_Die declaration, int depth);
  const std::vector<uint64_t>& ChildrenOf(Dwarf_Die* parent, const Key& key);
  // What `ancestor` adds in front of the names inside it.
  void AddPrefix(Dwarf_Die* ancestor, int depth, std::string* prefix);

  Budget* budget_;
  base::HashMap<Key, std::string> names_;
  base::HashMap<Key, std::vector<uint64_t>> children_;
};

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_QUALIFIED_NAMES_H_
