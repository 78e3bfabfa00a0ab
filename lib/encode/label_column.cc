// SPDX-License-Identifier: Apache-2.0
#include "encode/label_column.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/hash_map.h"
#include "encode/flame_frames.h"
#include "encode/link_labels.h"

namespace podo::encode {
namespace {

// Numbers texts from 1 in order of first asking.
class Values {
 public:
  explicit Values(std::vector<std::string>* table) : table_(*table) { table_.emplace_back(); }

  uint32_t Of(const std::string& text) {
    const auto [it, is_new] = ids_.try_emplace(text, static_cast<uint32_t>(table_.size()));
    if (is_new) table_.push_back(text);
    return it->second;
  }

 private:
  std::vector<std::string>& table_;
  base::HashMap<std::string, uint32_t> ids_;
};

// By label set: the value of `key`, 0 where there is none.
std::vector<uint32_t> BySet(const model::Profile& profile, std::string_view key, Values* values) {
  std::vector<uint32_t> by_set(profile.label_sets.size());
  for (size_t i = 0; i < by_set.size(); ++i) {
    for (const model::Label& label : profile.label_sets[i].labels) {
      if (ElementOr0(profile.strings, label.key) == key) {
        by_set[i] = values->Of(LabelText(profile, label));
      }
    }
  }
  return by_set;
}

std::vector<uint32_t> ByLink(const model::Profile& profile, std::string_view key, Values* values) {
  std::vector<uint32_t> by_link(profile.links.size());
  for (size_t i = 0; i < by_link.size(); ++i) {
    const model::Link& link = profile.links[i];
    if (key == kTraceIdKey && IsSetId(link.trace_id))
      by_link[i] = values->Of(HexText(link.trace_id));
    if (key == kSpanIdKey && IsSetId(link.span_id)) by_link[i] = values->Of(HexText(link.span_id));
  }
  return by_link;
}

}  // namespace

std::string LabelText(const model::Profile& profile, const model::Label& label) {
  if (Index(label.string) != 0) return ElementOr0(profile.strings, label.string);
  const std::string& unit = ElementOr0(profile.strings, label.number_unit);
  if (label.number == 0 && unit.empty()) return "";  // how pprof writes an empty string
  return absl::StrCat(label.number, unit.empty() ? "" : " ", unit);
}

std::vector<std::string> LabelKeys(const model::Profile& profile) {
  std::vector<bool> sets(profile.label_sets.size());
  std::set<std::string> keys;
  for (const model::Sample& sample : profile.samples) {
    if (Index(sample.labels) < sets.size()) sets[Index(sample.labels)] = true;
    const model::Link& link = ElementOr0(profile.links, sample.link);
    if (IsSetId(link.trace_id)) keys.emplace(kTraceIdKey);
    if (IsSetId(link.span_id)) keys.emplace(kSpanIdKey);
  }
  std::set<model::StringId> ids;  // a file may hold millions of labels of few keys
  for (size_t i = 0; i < sets.size(); ++i) {
    if (!sets[i]) continue;
    for (const model::Label& label : profile.label_sets[i].labels) ids.insert(label.key);
  }
  for (const model::StringId id : ids) keys.insert(ElementOr0(profile.strings, id));
  return {keys.begin(), keys.end()};
}

LabelColumn ReadLabelColumn(const model::Profile& profile, std::string_view key) {
  LabelColumn column;
  Values values(&column.values);
  const std::vector<uint32_t> by_set = BySet(profile, key, &values);
  const std::vector<uint32_t> by_link = ByLink(profile, key, &values);
  for (const model::Sample& sample : profile.samples) {
    const uint32_t of_link = ElementOr0(by_link, sample.link);
    column.of_sample.push_back(of_link != 0 ? of_link : ElementOr0(by_set, sample.labels));
  }
  return column;
}

}  // namespace podo::encode
