// SPDX-License-Identifier: Apache-2.0
#include "model/profile_builder.h"

#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/string_view.h"
#include "model/saturating.h"
#include "model/utf8.h"

namespace podo::model {
namespace {

template <typename T>
void AppendBytes(std::string* key, T value) {
  key->append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Adds `value` to `table` under `key` unless an equal one is there; returns its id.
template <typename Id, typename Map, typename Key, typename T>
Id Intern(Map& map, Key key, std::vector<T>& table, T value) {
  auto [it, inserted] = map.try_emplace(std::move(key), static_cast<Id>(table.size()));
  if (inserted) table.push_back(std::move(value));
  return it->second;
}

}  // namespace

ProfileBuilder::ProfileBuilder(
    absl::Span<const std::pair<std::string_view, std::string_view>> sample_types)
    : profile_(Profile::Empty()) {
  strings_.emplace("", StringId{});
  functions_.emplace(std::make_tuple(StringId{}, StringId{}, StringId{}, int64_t{0}), FunctionId{});
  stacks_.emplace("", StackId{});
  label_sets_.emplace("", LabelSetId{});
  for (const auto& [type, unit] : sample_types) {
    profile_.sample_types.push_back({AddString(type), AddString(unit)});
  }
}

StringId ProfileBuilder::AddString(std::string_view text) {
  const absl::string_view key(text.data(), text.size());
  if (auto it = strings_.find(key); it != strings_.end()) return it->second;
  std::string valid = ToValidUtf8(text);
  return Intern<StringId>(strings_, valid, profile_.strings, valid);
}

FunctionId ProfileBuilder::AddFunction(const Function& f) {
  return Intern<FunctionId>(functions_,
                            std::make_tuple(f.name, f.system_name, f.filename, f.start_line),
                            profile_.functions, f);
}

MappingId ProfileBuilder::AddMapping(const Mapping& mapping) {
  // A process has tens of mappings; a scan beats a map that must be kept in step.
  for (size_t i = 1; i < profile_.mappings.size(); ++i) {
    if (profile_.mappings[i] == mapping) return static_cast<MappingId>(i);
  }
  profile_.mappings.push_back(mapping);
  return static_cast<MappingId>(profile_.mappings.size() - 1);
}

LocationId ProfileBuilder::AddLocation(Location location) {
  std::string key;
  AppendBytes(&key, location.mapping);
  AppendBytes(&key, location.address);
  AppendBytes(&key, location.is_folded);
  for (const Line& line : location.lines) {
    AppendBytes(&key, line.function);
    AppendBytes(&key, line.line);
    AppendBytes(&key, line.column);
  }
  return Intern<LocationId>(locations_, std::move(key), profile_.locations, std::move(location));
}

StackId ProfileBuilder::AddStack(absl::Span<const LocationId> leaf_first) {
  std::string key(reinterpret_cast<const char*>(leaf_first.data()),
                  leaf_first.size() * sizeof(LocationId));
  if (auto it = stacks_.find(key); it != stacks_.end()) return it->second;
  return Intern<StackId>(stacks_, std::move(key), profile_.stacks,
                         Stack{{leaf_first.begin(), leaf_first.end()}});
}

LabelSetId ProfileBuilder::AddLabelSet(LabelSet labels) {
  std::string key;
  for (const Label& label : labels.labels) {
    AppendBytes(&key, label.key);
    AppendBytes(&key, label.string);
    AppendBytes(&key, label.number);
    AppendBytes(&key, label.number_unit);
  }
  return Intern<LabelSetId>(label_sets_, std::move(key), profile_.label_sets, std::move(labels));
}

LinkId ProfileBuilder::AddLink(const Link& link) {
  if (link == Link{}) return LinkId{};
  std::string key(reinterpret_cast<const char*>(&link), sizeof link);
  return Intern<LinkId>(links_, std::move(key), profile_.links, link);
}

void ProfileBuilder::AddSample(StackId stack, LabelSetId labels, LinkId link,
                               absl::Span<const int64_t> values) {
  auto [it, inserted] = samples_.try_emplace({stack, labels, link}, profile_.samples.size());
  if (inserted) {
    profile_.samples.push_back({stack, labels, link});
    profile_.values.insert(profile_.values.end(), values.begin(), values.end());
    return;
  }
  int64_t* sum = profile_.values.data() + it->second * profile_.sample_types.size();
  for (size_t i = 0; i < values.size(); ++i) sum[i] = SaturatingAdd(sum[i], values[i]);
}

LocationId ProfileBuilder::AddNamedFrame(std::string_view name) {
  const StringId id = AddString(name);
  const FunctionId function = AddFunction({.name = id, .system_name = id});
  return AddLocation({.lines = {Line{.function = function}}});
}

}  // namespace podo::model
