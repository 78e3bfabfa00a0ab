// SPDX-License-Identifier: Apache-2.0
#include "encode/flame_document.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "encode/flame_frames.h"
#include "encode/flame_json.h"
#include "encode/flame_labels.h"
#include "encode/flame_tree.h"

namespace podo::encode {
namespace {

constexpr size_t kHotLines = 5;  // what the detail panel has room for

using TypeName = std::pair<std::string, std::string>;  // type, unit

TypeName NameOf(const model::Profile& p, const model::ValueType& type) {
  return {ElementOr0(p.strings, type.type), ElementOr0(p.strings, type.unit)};
}

std::vector<TypeName> TypeNames(const model::Profile& p) {
  std::vector<TypeName> names;
  for (const model::ValueType& type : p.sample_types) names.push_back(NameOf(p, type));
  return names;
}

// The types of the last profile that every other one has too, in its order.
std::vector<TypeName> CommonTypes(absl::Span<const model::Profile* const> profiles) {
  std::vector<TypeName> common;
  for (const TypeName& name : TypeNames(*profiles.back())) {
    const bool everywhere = std::all_of(profiles.begin(), profiles.end(), [&](const auto* p) {
      const auto names = TypeNames(*p);
      return std::find(names.begin(), names.end(), name) != names.end();
    });
    if (everywhere && std::find(common.begin(), common.end(), name) == common.end()) {
      common.push_back(name);
    }
  }
  return common;
}

size_t ShownType(const std::vector<TypeName>& types, const model::Profile& p,
                 const std::string& wished) {
  for (const std::string& name : {wished, ElementOr0(p.strings, p.default_sample_type)}) {
    for (size_t i = 0; i < types.size(); ++i) {
      if (!name.empty() && types[i].first == name) return i;
    }
  }
  return types.empty() ? 0 : types.size() - 1;
}

// Frames by falling number of nodes, so that frequent ones get short numbers.
std::vector<uint32_t> FramesByUse(const FlameTree& tree, size_t frame_count) {
  std::vector<uint32_t> uses(frame_count), order;
  for (size_t i = 1; i < tree.nodes.size(); ++i) ++uses[tree.nodes[i].frame];
  for (uint32_t i = 0; i < frame_count; ++i) {
    if (uses[i] > 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return uses[a] > uses[b]; });
  return order;
}

void AppendColumn(std::string* out, std::string_view key, const PackedColumn& column) {
  if (out->back() != '{') out->push_back(',');
  absl::StrAppend(out, "\"", std::string(key), "\":\"", column.text(), "\"");
}

void AppendFrames(std::string* out, const FlameFrames& frames, const std::vector<uint32_t>& order) {
  PackedColumn name, file, module, start, lines;
  const auto hot = frames.HotLines(kHotLines);
  for (const uint32_t i : order) {
    const FlameFrame& frame = frames.frames()[i];
    name.Add(frame.name);
    file.Add(frame.file);
    module.Add(frame.module);
    start.Add(frame.start_line > 0 ? static_cast<uint64_t>(frame.start_line) : 0);
    lines.Add(hot[i].size());
    for (const auto& [line, value] : hot[i]) lines.Add(line), lines.Add(value);
  }
  out->append("\"frames\":{");
  AppendColumn(out, "name", name);
  AppendColumn(out, "file", file);
  AppendColumn(out, "module", module);
  AppendColumn(out, "start", start);
  AppendColumn(out, "lines", lines);
  out->push_back('}');
}

void AppendNodes(std::string* out, const FlameTree& tree, const std::vector<uint32_t>& order) {
  std::vector<uint32_t> number(order.empty() ? 0
                                             : *std::max_element(order.begin(), order.end()) + 1);
  for (uint32_t i = 0; i < order.size(); ++i) number[order[i]] = i;
  PackedColumn frame, branches, inlined;
  size_t last_branch = 0, last_inlined = 0;
  for (size_t i = 1; i < tree.nodes.size(); ++i) {
    const FlameNode& node = tree.nodes[i];
    frame.Add(number[node.frame]);
    if (node.parent != i - 1) {
      branches.Add(i - std::exchange(last_branch, i));
      branches.Add(i - node.parent);
    }
    if (node.inlined) inlined.Add(i - std::exchange(last_inlined, i));
  }
  out->append("\"nodes\":{");
  AppendColumn(out, "frame", frame);
  AppendColumn(out, "branches", branches);
  AppendColumn(out, "inlined", inlined);
  out->push_back('}');
}

void AppendProfile(std::string* out, const model::Profile& p, uint32_t number,
                   const FlameTree& tree) {
  PackedColumn samples;
  uint32_t last_node = 0;
  for (const FlameSample& sample : tree.samples) {
    if (sample.profile != number) continue;
    samples.Add(sample.node - std::exchange(last_node, sample.node));
    samples.Add(sample.label_set);
    for (const int64_t value : sample.values) samples.AddSigned(value);
  }
  const TypeName period_type = NameOf(p, p.period_type);
  absl::StrAppend(out, "{\"timeMs\":", p.time_ns / 1'000'000, ",\"durationNs\":", p.duration_ns,
                  ",\"period\":", p.period, ",\"periodType\":[");
  AppendJsonString(out, period_type.first);
  out->push_back(',');
  AppendJsonString(out, period_type.second);
  out->append("],\"comments\":[");
  for (size_t i = 0; i < p.comments.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(out, ElementOr0(p.strings, p.comments[i]));
  }
  out->push_back(']');
  if (const FlameLinks links = CountLinks(p); links.traces + links.spans > 0) {
    absl::StrAppend(out, ",\"traces\":", links.traces, ",\"spans\":", links.spans);
  }
  absl::StrAppend(out, ",\"samples\":\"", samples.text(), "\"}");
}

void AppendStrings(std::string* out, const std::vector<std::string>& strings) {
  out->append("\"strings\":[");
  for (size_t i = 0; i < strings.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(out, strings[i]);
  }
  out->push_back(']');
}

std::vector<FlameInput> MakeInputs(absl::Span<const model::Profile* const> profiles,
                                   const std::vector<TypeName>& types, FlameLabels* labels) {
  std::vector<FlameInput> inputs;
  for (const model::Profile* p : profiles) {
    FlameInput input{.profile = p, .columns = {}, .label_ids = labels->AddAll(*p)};
    const auto names = TypeNames(*p);
    for (const TypeName& type : types) {
      const auto at = std::find(names.begin(), names.end(), type);
      input.columns.push_back(static_cast<size_t>(at - names.begin()));
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

void AppendTypes(std::string* out, const std::vector<TypeName>& types, size_t shown) {
  out->append("\"sampleTypes\":[");
  for (size_t i = 0; i < types.size(); ++i) {
    out->append(i > 0 ? ",[" : "[");
    AppendJsonString(out, types[i].first);
    out->push_back(',');
    AppendJsonString(out, types[i].second);
    out->push_back(']');
  }
  absl::StrAppend(out, "],\"shown\":", shown);
}

}  // namespace

std::string FlameDocument(absl::Span<const model::Profile* const> profiles,
                          const FlamePageOptions& options) {
  FlameFrames frames;
  FlameLabels labels(&frames);
  const std::vector<TypeName> types = CommonTypes(profiles);
  const size_t shown = ShownType(types, *profiles.back(), options.sample_type);
  const FlameTree tree = BuildFlameTree(MakeInputs(profiles, types, &labels), shown, &frames);
  const std::vector<uint32_t> order = FramesByUse(tree, frames.frames().size());

  std::string out = "{\"format\":\"podo-flame-1\",\"title\":";
  AppendJsonString(&out, options.title);
  out.push_back(',');
  AppendTypes(&out, types, shown);
  out.push_back(',');
  AppendStrings(&out, frames.strings());
  out.push_back(',');
  AppendFrames(&out, frames, order);
  out.push_back(',');
  AppendNodes(&out, tree, order);
  absl::StrAppend(&out, ",\"labelSets\":\"", labels.Packed(), "\",\"profiles\":[");
  for (uint32_t i = 0; i < profiles.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendProfile(&out, *profiles[i], i, tree);
  }
  out.append("]}");
  return out;
}

}  // namespace podo::encode
