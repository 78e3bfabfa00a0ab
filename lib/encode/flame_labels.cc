// SPDX-License-Identifier: Apache-2.0
#include "encode/flame_labels.h"

#include <map>
#include <string_view>
#include <utility>

#include "base/hash_map.h"
#include "encode/flame_json.h"
#include "encode/label_column.h"
#include "encode/link_labels.h"

namespace podo::encode {
namespace {

size_t CountValues(const model::Profile& profile, std::string_view key) {
  const LabelColumn column = ReadLabelColumn(profile, key);
  base::HashSet<uint32_t> values(column.of_sample.begin(), column.of_sample.end());
  values.erase(0);
  return values.size();
}

}  // namespace

std::vector<uint32_t> FlameLabels::AddAll(const model::Profile& profile) {
  std::vector<bool> used(profile.label_sets.size());
  for (const model::Sample& sample : profile.samples) {
    if (Index(sample.labels) < used.size()) used[Index(sample.labels)] = true;
  }
  std::vector<uint32_t> ids(profile.label_sets.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (used[i]) ids[i] = Add(profile, profile.label_sets[i]);
  }
  return ids;
}

// Ordered by key, so that sets that differ in order alone are one.
uint32_t FlameLabels::Add(const model::Profile& profile, const model::LabelSet& set) {
  std::map<uint32_t, uint32_t> values;
  for (const model::Label& label : set.labels) {
    const std::string& key = ElementOr0(profile.strings, label.key);
    if (key == kTraceIdKey || key == kSpanIdKey) continue;
    const uint32_t key_string = frames_->Intern(key);
    values[key_string] = frames_->Intern(LabelText(profile, label));
  }
  std::vector<uint32_t> pairs;
  for (const auto& [key, value] : values) {
    pairs.push_back(key);
    pairs.push_back(value);
  }
  return Number(std::move(pairs));
}

uint32_t FlameLabels::Number(std::vector<uint32_t> pairs) {
  const auto [it, inserted] = ids_.try_emplace(pairs, static_cast<uint32_t>(sets_.size()));
  if (inserted) sets_.push_back(std::move(pairs));
  return it->second;
}

std::string FlameLabels::Packed() const {
  PackedColumn column;
  for (size_t i = 1; i < sets_.size(); ++i) {
    column.Add(sets_[i].size() / 2);
    for (const uint32_t number : sets_[i]) column.Add(number);
  }
  return column.text();
}

FlameLinks CountLinks(const model::Profile& profile) {
  return {.traces = CountValues(profile, kTraceIdKey), .spans = CountValues(profile, kSpanIdKey)};
}

}  // namespace podo::encode
