// SPDX-License-Identifier: Apache-2.0
#include "history/interner.h"

#include <algorithm>
#include <utility>

namespace podo::history {
namespace {

template <typename T>
void AppendBytes(std::string* key, T value) {
  key->append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string KeyOf(const LocationRow& row, absl::Span<const LineRow> lines) {
  std::string key;
  AppendBytes(&key, row.offset);
  AppendBytes(&key, row.is_folded);
  for (const LineRow& line : lines) {
    AppendBytes(&key, line.function);
    AppendBytes(&key, line.line);
    AppendBytes(&key, line.column);
  }
  return key;
}

std::string KeyOf(absl::Span<const LabelRow> labels) {
  std::string key;
  for (const LabelRow& label : labels) {
    AppendBytes(&key, label.key);
    AppendBytes(&key, label.string);
    AppendBytes(&key, label.unit);
    AppendBytes(&key, label.number);
  }
  return key;
}

// How much names say: frames, and whether they have lines.
std::pair<size_t, bool> Worth(absl::Span<const LineRow> lines) {
  const bool has_lines =
      std::any_of(lines.begin(), lines.end(), [](const LineRow& l) { return l.line != 0; });
  return {lines.size(), has_lines};
}

}  // namespace

Interner::Interner() : Interner(Tables::Empty()) {}

Interner::Interner(Tables tables)
    : tables_(std::move(tables)),
      strings_(0, StringHash{&tables_}, StringEqual{&tables_}),
      functions_(&tables_.functions),
      places_(0, PlaceHash{&tables_}, PlaceEqual{&tables_}),
      nodes_(&tables_.nodes),
      keys_(&tables_.keys) {
  strings_.max_load_factor(kMaxLoad);
  places_.max_load_factor(kMaxLoad);
  for (uint32_t i = 0; i < tables_.string_ends.size(); ++i) strings_.insert(i);
  for (uint32_t i = 1; i < tables_.locations.size(); ++i) {
    const LocationRow& row = tables_.locations[i];
    if (row.mapping != 0) {
      places_.insert(i);
    } else {
      unmapped_.emplace(
          KeyOf(row, absl::MakeConstSpan(tables_.lines).subspan(row.first_line, row.lines)), i);
    }
  }
  for (uint32_t i = 0; i < tables_.label_set_ends.size(); ++i) {
    const uint32_t begin = tables_.LabelsBegin(i);
    label_sets_.emplace(
        KeyOf(
            absl::MakeConstSpan(tables_.labels).subspan(begin, tables_.label_set_ends[i] - begin)),
        i);
  }
}

uint32_t Interner::AddString(std::string_view text) {
  if (const auto it = strings_.find(text); it != strings_.end()) return *it;
  const auto id = static_cast<uint32_t>(tables_.string_ends.size());
  tables_.text.append(text);
  tables_.string_ends.push_back(static_cast<uint32_t>(tables_.text.size()));
  strings_.insert(id);
  return id;
}

uint32_t Interner::AddFunction(const FunctionRow& row) {
  return functions_.FindOrAdd(row, &tables_.functions);
}

uint32_t Interner::AddMapping(const MappingRow& row) {
  // A process has tens of mappings; a scan beats a map that must be kept in step.
  for (uint32_t i = 1; i < tables_.mappings.size(); ++i) {
    MappingRow& known = tables_.mappings[i];
    if (known.Identity() != row.Identity()) continue;
    const uint32_t flags = known.flags | row.flags;
    const uint32_t htlhash = row.htlhash != 0 ? row.htlhash : known.htlhash;
    if (std::tie(known.flags, known.htlhash, known.start) == std::tie(flags, htlhash, row.start)) {
      return i;
    }
    known.flags = flags;
    known.htlhash = htlhash;
    known.start = row.start;
    changed_.mappings.push_back(i);
    return i;
  }
  tables_.mappings.push_back(row);
  return static_cast<uint32_t>(tables_.mappings.size() - 1);
}

uint32_t Interner::Append(LocationRow row, absl::Span<const LineRow> lines) {
  row.first_line = static_cast<uint32_t>(tables_.lines.size());
  row.lines = static_cast<uint32_t>(lines.size());
  tables_.lines.insert(tables_.lines.end(), lines.begin(), lines.end());
  tables_.locations.push_back(row);
  return static_cast<uint32_t>(tables_.locations.size() - 1);
}

uint32_t Interner::AddUnmapped(LocationRow row, absl::Span<const LineRow> lines) {
  if (row.offset == 0 && lines.empty() && !row.is_folded) return 0;
  std::string key = KeyOf(row, lines);
  if (const auto it = unmapped_.find(key); it != unmapped_.end()) return it->second;
  owned_text_bytes_ += key.capacity();
  return unmapped_[std::move(key)] = Append(row, lines);
}

uint32_t Interner::AddLocation(LocationRow row, absl::Span<const LineRow> lines) {
  if (row.mapping == 0) return AddUnmapped(row, lines);
  const uint32_t known = FindLocation(row.mapping, row.offset, row.is_folded);
  if (known == 0) {
    const uint32_t id = Append(row, lines);
    places_.insert(id);
    return id;
  }
  const LocationRow& had = tables_.locations[known];
  const auto had_lines = absl::MakeConstSpan(tables_.lines).subspan(had.first_line, had.lines);
  if (!lines.empty() && had_lines != lines && Worth(lines) >= Worth(had_lines)) {
    SetLines(known, lines);
  }
  return known;
}

uint32_t Interner::FindLocation(uint32_t mapping, uint64_t offset, bool is_folded) const {
  const auto it = places_.find(std::pair(mapping * 2 + (is_folded ? 1 : 0), offset));
  return it == places_.end() ? 0 : *it;
}

void Interner::SetLines(uint32_t location, absl::Span<const LineRow> lines) {
  LocationRow& row = tables_.locations[location];
  if (lines.size() > row.lines) {
    row.first_line = static_cast<uint32_t>(tables_.lines.size());
    tables_.lines.insert(tables_.lines.end(), lines.begin(), lines.end());
  } else {
    std::copy(lines.begin(), lines.end(), tables_.lines.begin() + row.first_line);
  }
  row.lines = static_cast<uint32_t>(lines.size());
  changed_.locations.push_back(location);
}

uint32_t Interner::AddNamedFrame(std::string_view name) {
  const uint32_t id = AddString(name);
  const LineRow line = {.function = AddFunction({.name = id, .system_name = id})};
  return AddUnmapped({}, {&line, 1});
}

uint32_t Interner::AddLabelSet(absl::Span<const LabelRow> labels) {
  std::string key = KeyOf(labels);
  if (const auto it = label_sets_.find(key); it != label_sets_.end()) return it->second;
  tables_.labels.insert(tables_.labels.end(), labels.begin(), labels.end());
  const auto id = static_cast<uint32_t>(tables_.label_set_ends.size());
  tables_.label_set_ends.push_back(static_cast<uint32_t>(tables_.labels.size()));
  owned_text_bytes_ += key.capacity();
  label_sets_.emplace(std::move(key), id);
  return id;
}

size_t Interner::bytes() const {
  return tables_.bytes() + base::TableBytes(strings_) + base::TableBytes(places_) +
         functions_.bytes() + nodes_.bytes() + keys_.bytes() + owned_text_bytes_ +
         base::TableBytes(unmapped_) + base::TableBytes(label_sets_);
}

}  // namespace podo::history
