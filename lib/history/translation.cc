// SPDX-License-Identifier: Apache-2.0
#include "history/translation.h"

#include <utility>

namespace podo::history {
namespace {

constexpr uint32_t kUnknown = UINT32_MAX;

// Element 0 is 0 everywhere.
base::PageVector<uint32_t> Unknown(size_t size) {
  base::PageVector<uint32_t> ids(size, kUnknown);
  ids[0] = 0;
  return ids;
}

}  // namespace

Translation::Translation(const Tables& from, Interner* into)
    : from_(from),
      into_(*into),
      strings_(Unknown(from.string_ends.size())),
      functions_(Unknown(from.functions.size())),
      mappings_(Unknown(from.mappings.size())),
      locations_(Unknown(from.locations.size())),
      nodes_(Unknown(from.nodes.size())),
      label_sets_(Unknown(from.label_set_ends.size())),
      keys_(from.keys.size(), kUnknown) {}

void Translation::MainFirst() {
  if (from_.mappings.size() > 1) Mapping(1);
}

uint32_t Translation::String(uint32_t id) {
  if (strings_[id] == kUnknown) strings_[id] = into_.AddString(from_.String(id));
  return strings_[id];
}

uint32_t Translation::Function(uint32_t id) {
  if (functions_[id] != kUnknown) return functions_[id];
  FunctionRow row = from_.functions[id];
  row.name = String(row.name);
  row.system_name = String(row.system_name);
  row.filename = String(row.filename);
  return functions_[id] = into_.AddFunction(row);
}

uint32_t Translation::Mapping(uint32_t id) {
  if (mappings_[id] != kUnknown) return mappings_[id];
  MappingRow row = from_.mappings[id];
  row.filename = String(row.filename);
  row.build_id = String(row.build_id);
  row.htlhash = String(row.htlhash);
  return mappings_[id] = into_.AddMapping(row);
}

const std::vector<LineRow>& Translation::LinesOf(const LocationRow& row) {
  lines_.clear();
  for (uint32_t i = row.first_line; i < row.first_line + row.lines; ++i) {
    LineRow line = from_.lines[i];
    line.function = Function(line.function);
    lines_.push_back(line);
  }
  return lines_;
}

uint32_t Translation::Location(uint32_t id) {
  if (locations_[id] != kUnknown) return locations_[id];
  LocationRow row = from_.locations[id];
  row.mapping = Mapping(row.mapping);
  return locations_[id] = into_.AddLocation(row, LinesOf(from_.locations[id]));
}

uint32_t Translation::Node(uint32_t id) {
  path_.clear();
  for (; nodes_[id] == kUnknown; id = from_.nodes[id].parent) path_.push_back(id);
  uint32_t node = nodes_[id];
  for (auto it = path_.rbegin(); it != path_.rend(); ++it) {
    node = nodes_[*it] = into_.AddNode({node, Location(from_.nodes[*it].location)});
  }
  return node;
}

uint32_t Translation::LabelSet(uint32_t id) {
  if (label_sets_[id] != kUnknown) return label_sets_[id];
  std::vector<LabelRow> labels;
  for (uint32_t i = from_.LabelsBegin(id); i < from_.label_set_ends[id]; ++i) {
    LabelRow row = from_.labels[i];
    row.key = String(row.key);
    row.string = String(row.string);
    row.unit = String(row.unit);
    labels.push_back(row);
  }
  return label_sets_[id] = into_.AddLabelSet(labels);
}

uint32_t Translation::Key(uint32_t id) {
  if (keys_[id] != kUnknown) return keys_[id];
  const KeyRow& row = from_.keys[id];
  return keys_[id] = into_.AddKey({Node(row.node), LabelSet(row.label_set)});
}

bool AddLateNames(const Tables& from, Interner* into) {
  const Tables& t = into->tables();
  const auto is_same = [&](const MappingRow& a, const MappingRow& b) {
    if (a.file_offset != b.file_offset || from.String(a.build_id) != t.String(b.build_id)) {
      return false;
    }
    return a.build_id != 0 || from.String(a.filename) == t.String(b.filename);
  };
  std::vector<std::vector<uint32_t>> same(from.mappings.size());
  for (size_t i = 1; i < from.mappings.size(); ++i) {
    for (uint32_t j = 1; j < t.mappings.size(); ++j) {
      if (is_same(from.mappings[i], t.mappings[j])) same[i].push_back(j);
    }
  }
  Translation translation(from, into);
  for (const LocationRow& row : from.locations) {
    if (row.lines == 0) continue;
    for (const uint32_t mapping : same[row.mapping]) {
      const uint32_t known = into->FindLocation(mapping, row.offset, row.is_folded);
      if (known != 0 && t.locations[known].lines == 0) {
        into->SetLines(known, translation.LinesOf(row));
        into->AddFlags(mapping, from.mappings[row.mapping].flags);
      }
    }
  }
  for (const LocationRow& row : t.locations) {
    if (row.mapping != 0 && row.lines == 0) return true;
  }
  return false;
}

}  // namespace podo::history
