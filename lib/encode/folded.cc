// SPDX-License-Identifier: Apache-2.0
#include "encode/folded.h"

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "encode/flame_frames.h"
#include "model/saturating.h"

namespace podo::encode {
namespace {

std::string FoldedName(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (c == ';') c = ':';
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return text;
}

}  // namespace

std::string EncodeFolded(const model::Profile& profile, size_t type) {
  FlameFrames frames;
  const std::vector<std::vector<FlameStep>> steps = frames.AddLocations(profile);
  std::vector<std::string> names;
  for (const FlameFrame& frame : frames.frames()) {
    names.push_back(FoldedName(frames.strings()[frame.name]));
  }

  // Summed by stack first: stacks are fewer than samples, and their text is long.
  std::vector<int64_t> by_stack(profile.stacks.size());
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    int64_t& sum = by_stack[Index(profile.samples[i].stack)];
    sum = model::SaturatingAdd(sum, profile.ValuesOf(i)[type]);
  }
  std::map<std::string, int64_t> lines;  // stacks of other addresses may read the same
  for (size_t i = 0; i < by_stack.size(); ++i) {
    if (by_stack[i] == 0) continue;
    std::string line;
    const auto& locations = profile.stacks[i].locations;
    for (auto it = locations.rbegin(); it != locations.rend(); ++it) {
      for (const FlameStep& step : steps[Index(*it)]) {
        absl::StrAppend(&line, line.empty() ? "" : ";", names[step.frame]);
      }
    }
    if (line.empty()) line = "[no stack]";
    int64_t& sum = lines[line];
    sum = model::SaturatingAdd(sum, by_stack[i]);
  }
  std::string text;
  for (const auto& [line, sum] : lines) {
    if (sum != 0) absl::StrAppend(&text, line, " ", sum, "\n");
  }
  return text;
}

}  // namespace podo::encode
