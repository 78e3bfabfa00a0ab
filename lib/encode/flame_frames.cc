// SPDX-License-Identifier: Apache-2.0
#include "encode/flame_frames.h"

#include <algorithm>
#include <limits>

#include "base/format.h"

namespace podo::encode {
namespace {

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

uint32_t ToLine(int64_t line) {
  return line > 0 && line <= std::numeric_limits<int32_t>::max() ? static_cast<uint32_t>(line) : 0;
}

}  // namespace

uint32_t FlameFrames::Intern(std::string_view text) {
  const auto [it, inserted] =
      string_ids_.try_emplace(std::string(text), static_cast<uint32_t>(strings_.size()));
  if (inserted) strings_.emplace_back(text);
  return it->second;
}

uint32_t FlameFrames::AddFrame(const FlameFrame& frame) {
  const auto [it, inserted] = frame_ids_.try_emplace(std::make_pair(frame.name, frame.file),
                                                     static_cast<uint32_t>(frames_.size()));
  if (inserted) frames_.push_back(frame);
  return it->second;
}

FlameStep FlameFrames::AddNamed(std::string_view name) {
  return {AddFrame({.name = Intern(name)}), 0, false};
}

FlameStep FlameFrames::AddAddress(const model::Profile& profile, const model::Location& location) {
  const model::Mapping& mapping = ElementOr0(profile.mappings, location.mapping);
  const std::string& path = ElementOr0(profile.strings, mapping.filename);
  // The offset in the file is the same wherever the loader put the module.
  if (path.empty() || location.address < mapping.start) {
    return AddNamed(base::StrFormat("0x%x", location.address));
  }
  const std::string name = base::StrFormat("%s+0x%x", std::string(BaseName(path)),
                                           location.address - mapping.start + mapping.file_offset);
  return {AddFrame({.name = Intern(name), .module = Intern(path)}), 0, false};
}

std::vector<std::vector<FlameStep>> FlameFrames::AddLocations(const model::Profile& profile) {
  std::vector<std::vector<FlameStep>> steps(profile.locations.size());
  for (size_t i = 0; i < profile.locations.size(); ++i) {
    const model::Location& location = profile.locations[i];
    const model::Mapping& mapping = ElementOr0(profile.mappings, location.mapping);
    const uint32_t module = Intern(ElementOr0(profile.strings, mapping.filename));
    for (size_t j = location.lines.size(); j-- > 0;) {
      const model::Function& function = ElementOr0(profile.functions, location.lines[j].function);
      const std::string& name = ElementOr0(profile.strings, function.name);
      const std::string& system_name = ElementOr0(profile.strings, function.system_name);
      if (name.empty() && system_name.empty()) continue;
      const uint32_t frame =
          AddFrame({.name = Intern(name.empty() ? system_name : name),
                    .file = Intern(ElementOr0(profile.strings, function.filename)),
                    .module = module,
                    .start_line = function.start_line});
      steps[i].push_back({frame, ToLine(location.lines[j].line), j + 1 < location.lines.size()});
    }
    if (steps[i].empty()) steps[i].push_back(AddAddress(profile, location));
  }
  return steps;
}

void FlameFrames::CountLines(absl::Span<const FlameStep> path, int64_t value) {
  if (value <= 0) return;
  ++samples_counted_;
  for (const FlameStep& step : path) {
    if (step.line == 0) continue;
    LineCount& count = lines_[{step.frame, step.line}];
    if (count.sample == samples_counted_) continue;  // recursion counts once
    count.sample = samples_counted_;
    count.value += static_cast<uint64_t>(value);
  }
}

std::vector<std::vector<std::pair<uint32_t, uint64_t>>> FlameFrames::HotLines(size_t limit) const {
  std::vector<std::vector<std::pair<uint32_t, uint64_t>>> hot(frames_.size());
  for (const auto& [key, count] : lines_) hot[key.first].push_back({key.second, count.value});
  for (auto& lines : hot) {
    std::sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    if (lines.size() > limit) lines.resize(limit);
  }
  return hot;
}

}  // namespace podo::encode
