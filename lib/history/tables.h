// SPDX-License-Identifier: Apache-2.0
// The tables of a chapter: what its windows refer to, as flat rows that only grow.
//
// Unlike a model::Profile it keeps stacks as a prefix tree, root first, and frames as offsets in
// their file, so that they mean the same after a restart. Row 0 of each table is the zero value.
#ifndef PODO_LIB_HISTORY_TABLES_H_
#define PODO_LIB_HISTORY_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/page_allocator.h"

namespace podo::history {

// The frame that stands for stacks too small to be kept, and the value that stands for labels.
inline constexpr char kOther[] = "[other]";

struct FunctionRow {
  uint32_t name = 0, system_name = 0, filename = 0;  // strings
  int64_t start_line = 0;
  bool operator==(const FunctionRow&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const FunctionRow& r) {
    return H::combine(std::move(h), r.name, r.system_name, r.filename, r.start_line);
  }
};

// One executable segment of a file. The first four tell it apart; the rest is as last seen.
struct MappingRow {
  uint32_t filename = 0, build_id = 0;  // strings
  uint64_t file_offset = 0, bytes = 0;
  uint64_t start = 0;  // run-time address
  uint32_t htlhash = 0;
  uint32_t flags = 0;  // MappingFlag
  auto Identity() const { return std::tie(filename, build_id, file_offset, bytes); }
};
enum MappingFlag : uint32_t { kFunctions = 1, kFilenames = 2, kLineNumbers = 4, kInlines = 8 };

struct LineRow {
  uint32_t function = 0;
  int64_t line = 0, column = 0;
  bool operator==(const LineRow&) const = default;
};

// With a mapping: told apart by it and the offset; lines are names that may come later. Without:
// its lines are what it is.
struct LocationRow {
  uint32_t mapping = 0;
  uint32_t first_line = 0, lines = 0;  // in Tables::lines
  bool is_folded = false;
  uint64_t offset = 0;  // in the file; without a mapping the address
};

// A stack is its last frame and the stack that called it. Parents have smaller numbers.
struct NodeRow {
  uint32_t parent = 0, location = 0;
  bool operator==(const NodeRow&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const NodeRow& r) {
    return H::combine(std::move(h), r.parent, r.location);
  }
};

struct LabelRow {
  uint32_t key = 0, string = 0, unit = 0;  // strings; string 0: a number
  int64_t number = 0;
  bool operator==(const LabelRow&) const = default;
};

// What values are kept of.
struct KeyRow {
  uint32_t node = 0, label_set = 0;
  bool operator==(const KeyRow&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const KeyRow& r) {
    return H::combine(std::move(h), r.node, r.label_set);
  }
};

struct Tables {
  base::PageString text;
  base::PageVector<uint32_t> string_ends;  // string i is [end of i - 1, end of i) of `text`
  base::PageVector<FunctionRow> functions;
  base::PageVector<MappingRow> mappings;
  base::PageVector<LineRow> lines;  // those of a location that were replaced stay, unused
  base::PageVector<LocationRow> locations;
  base::PageVector<NodeRow> nodes;
  base::PageVector<LabelRow> labels;
  base::PageVector<uint32_t> label_set_ends;  // set i is [end of i - 1, end of i) of `labels`
  base::PageVector<KeyRow> keys;

  static Tables Empty() {
    Tables t;
    t.string_ends = t.label_set_ends = {0};
    t.functions.resize(1);
    t.mappings.resize(1);
    t.locations.resize(1);
    t.nodes.resize(1);
    t.keys.resize(1);
    return t;
  }

  std::string_view String(uint32_t id) const {
    const uint32_t begin = id == 0 ? 0 : string_ends[id - 1];
    return std::string_view(text).substr(begin, string_ends[id] - begin);
  }
  uint32_t LabelsBegin(uint32_t set) const { return set == 0 ? 0 : label_set_ends[set - 1]; }

  // Memory of all rows.
  size_t bytes() const {
    const auto of = [](const auto& v) { return v.capacity() * sizeof(v[0]); };
    return text.capacity() + of(string_ends) + of(functions) + of(mappings) + of(lines) +
           of(locations) + of(nodes) + of(labels) + of(label_set_ends) + of(keys);
  }
};

// As pprof writes it: "pay", "12", "12bytes".
std::string LabelText(const Tables& tables, const LabelRow& label);
// Of the first label with this key, "" if there is none.
std::string LabelText(const Tables& tables, uint32_t label_set, std::string_view key);

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_TABLES_H_
