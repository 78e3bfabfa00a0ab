// SPDX-License-Identifier: Apache-2.0
// The modules of one snapshot generation, for turning addresses into (module, offset).
#ifndef PODO_LIB_MODEL_MODULE_MAP_H_
#define PODO_LIB_MODEL_MODULE_MAP_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/module.h"

namespace podo::model {

struct AddressRange {
  uint64_t start = 0;
  uint64_t end = 0;  // exclusive
  bool Contains(uint64_t address) const { return address >= start && address < end; }
};

struct ModuleMap {
  uint32_t generation = 0;
  std::vector<std::shared_ptr<const Module>> modules;  // sorted by start, not overlapping

  // The module that covers `address`, or nullptr.
  const Module* Find(uint64_t address) const {
    auto after = std::upper_bound(
        modules.begin(), modules.end(), address,
        [](uint64_t a, const std::shared_ptr<const Module>& m) { return a < m->start; });
    if (after == modules.begin()) return nullptr;
    const Module& m = **std::prev(after);
    return address < m.end ? &m : nullptr;
  }
};

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_MODULE_MAP_H_
