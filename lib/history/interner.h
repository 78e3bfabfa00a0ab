// SPDX-License-Identifier: Apache-2.0
// Tables that are being written: finds rows by value, so that equal ones are there once.
#ifndef PODO_LIB_HISTORY_INTERNER_H_
#define PODO_LIB_HISTORY_INTERNER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/types/span.h"
#include "base/hash_map.h"
#include "history/tables.h"

namespace podo::history {

// Of the tables below: room counts more than speed, and rows are many.
inline constexpr float kMaxLoad = 0.9F;

// Numbers of rows, found by the rows' values: 8 bytes a slot, where a map would repeat the row.
template <typename Row>
class RowSet {
 public:
  // `rows` outlives this and does not move.
  explicit RowSet(const base::PageVector<Row>* rows) : ids_(0, Hash{rows}, Equal{rows}) {
    ids_.max_load_factor(kMaxLoad);
    for (uint32_t i = 0; i < rows->size(); ++i) ids_.insert(i);
  }

  uint32_t FindOrAdd(const Row& row, base::PageVector<Row>* rows) {
    if (const auto it = ids_.find(row); it != ids_.end()) return *it;
    const auto id = static_cast<uint32_t>(rows->size());
    rows->push_back(row);
    ids_.insert(id);
    return id;
  }
  size_t bytes() const { return base::TableBytes(ids_); }

 private:
  struct Hash {
    using is_transparent = void;
    const base::PageVector<Row>* rows;
    size_t operator()(const Row& row) const { return absl::Hash<Row>{}(row); }
    size_t operator()(uint32_t id) const { return absl::Hash<Row>{}((*rows)[id]); }
  };
  struct Equal {
    using is_transparent = void;
    const base::PageVector<Row>* rows;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, const Row& b) const { return (*rows)[a] == b; }
    bool operator()(const Row& a, uint32_t b) const { return a == (*rows)[b]; }
  };
  base::HashSet<uint32_t, Hash, Equal, base::PageAllocator<uint32_t>> ids_;
};

// Not thread-safe. A look-up a call.
class Interner {
 public:
  Interner();
  // Goes on where `tables`, in which rows are told apart, ended.
  explicit Interner(Tables tables);
  Interner(const Interner&) = delete;
  Interner& operator=(const Interner&) = delete;

  uint32_t AddString(std::string_view text);
  uint32_t AddFunction(const FunctionRow& row);
  // What may change of a mapping takes the newer value.
  uint32_t AddMapping(const MappingRow& row);
  // `row.lines` and `row.first_line` are set here. Names of a location that is there already are
  // taken if they say as much as those it has.
  uint32_t AddLocation(LocationRow row, absl::Span<const LineRow> lines);
  uint32_t AddNamedFrame(std::string_view name);
  uint32_t AddNode(const NodeRow& row) { return nodes_.FindOrAdd(row, &tables_.nodes); }
  uint32_t AddLabelSet(absl::Span<const LabelRow> labels);
  uint32_t AddKey(const KeyRow& row) { return keys_.FindOrAdd(row, &tables_.keys); }

  // The location of a mapped frame, 0 if there is none.
  uint32_t FindLocation(uint32_t mapping, uint64_t offset, bool is_folded) const;
  void SetLines(uint32_t location, absl::Span<const LineRow> lines);
  void AddFlags(uint32_t mapping, uint32_t flags) { tables_.mappings[mapping].flags |= flags; }

  const Tables& tables() const { return tables_; }
  // The finished tables; nothing may be added afterwards.
  Tables Take() { return std::move(tables_); }
  // Memory of the tables and of what finds their rows.
  size_t bytes() const;

  // Numbers of rows, for a journal: those below are written.
  struct Marks {
    uint32_t strings = 1, functions = 1, mappings = 1, locations = 1, nodes = 1, label_sets = 1,
             keys = 1;
  };
  // Rows that changed after they were added, since TakeChanged().
  struct Changed {
    std::vector<uint32_t> locations, mappings;
  };
  Changed TakeChanged() { return std::exchange(changed_, {}); }

 private:
  struct StringHash {
    using is_transparent = void;
    const Tables* tables;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
    size_t operator()(uint32_t id) const { return (*this)(tables->String(id)); }
  };
  struct StringEqual {
    using is_transparent = void;
    const Tables* tables;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, std::string_view b) const { return tables->String(a) == b; }
    bool operator()(std::string_view a, uint32_t b) const { return a == tables->String(b); }
  };
  struct PlaceHash {
    using is_transparent = void;
    const Tables* tables;
    size_t operator()(const std::pair<uint32_t, uint64_t>& place) const {
      return absl::Hash<std::pair<uint32_t, uint64_t>>{}(place);
    }
    size_t operator()(uint32_t id) const { return (*this)(Place(*tables, id)); }
  };
  struct PlaceEqual {
    using is_transparent = void;
    const Tables* tables;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, const std::pair<uint32_t, uint64_t>& b) const {
      return Place(*tables, a) == b;
    }
    bool operator()(const std::pair<uint32_t, uint64_t>& a, uint32_t b) const {
      return a == Place(*tables, b);
    }
  };
  // Where a mapped frame is; folded ones apart.
  static std::pair<uint32_t, uint64_t> Place(const Tables& tables, uint32_t id) {
    const LocationRow& row = tables.locations[id];
    return {row.mapping * 2 + (row.is_folded ? 1 : 0), row.offset};
  }
  uint32_t AddUnmapped(LocationRow row, absl::Span<const LineRow> lines);
  uint32_t Append(LocationRow row, absl::Span<const LineRow> lines);

  Tables tables_;
  base::HashSet<uint32_t, StringHash, StringEqual, base::PageAllocator<uint32_t>> strings_;
  RowSet<FunctionRow> functions_;
  base::HashSet<uint32_t, PlaceHash, PlaceEqual, base::PageAllocator<uint32_t>>
      places_;                                     // mapped locations
  base::HashMap<std::string, uint32_t> unmapped_;  // by their bytes
  RowSet<NodeRow> nodes_;
  base::HashMap<std::string, uint32_t> label_sets_;  // by their bytes
  RowSet<KeyRow> keys_;
  size_t owned_text_bytes_ = 0;  // of the keys of the two maps of strings
  Changed changed_;
};

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_INTERNER_H_
