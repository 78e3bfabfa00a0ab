// SPDX-License-Identifier: Apache-2.0
// From one chapter's tables into others: only what is asked for, each row once.
#ifndef PODO_LIB_HISTORY_TRANSLATION_H_
#define PODO_LIB_HISTORY_TRANSLATION_H_

#include <cstdint>
#include <vector>

#include "history/interner.h"
#include "history/tables.h"

namespace podo::history {

// The tables outlive it, and those read do not change meanwhile.
class Translation {
 public:
  Translation(const Tables& from, Interner* into);

  // Takes the main program's mapping over before others, so that it stays the first.
  void MainFirst();

  uint32_t Key(uint32_t id);
  uint32_t LabelSet(uint32_t id);
  uint32_t String(uint32_t id);
  // Rows for Interner::SetLines and AddLocation; valid until the next call.
  const std::vector<LineRow>& LinesOf(const LocationRow& row);

 private:
  uint32_t Function(uint32_t id);
  uint32_t Mapping(uint32_t id);
  uint32_t Location(uint32_t id);
  uint32_t Node(uint32_t id);

  const Tables& from_;
  Interner& into_;
  base::PageVector<uint32_t> strings_, functions_, mappings_, locations_, nodes_, label_sets_,
      keys_;
  std::vector<uint32_t> path_;
  std::vector<LineRow> lines_;
};

// Gives locations of `into` that have no names those that `from` knows for an equal build id (or,
// without one, file name) and offset. True if there are still some without.
bool AddLateNames(const Tables& from, Interner* into);

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_TRANSLATION_H_
