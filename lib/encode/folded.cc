// SPDX-License-Identifier: Apache-2.0
#include "encode/folded.h"

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "encode/flame_frames.h"
#include "encode/label_column.h"
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

// "root;caller;leaf" of every stack, "" where it has no frames.
std::vector<std::string> StackTexts(const model::Profile& profile) {
  FlameFrames frames;
  const std::vector<std::vector<FlameStep>> steps = frames.AddLocations(profile);
  std::vector<std::string> names;
  for (const FlameFrame& frame : frames.frames()) {
    names.push_back(FoldedName(frames.strings()[frame.name]));
  }
  std::vector<std::string> texts;
  for (const model::Stack& stack : profile.stacks) {
    std::string& line = texts.emplace_back();
    for (auto it = stack.locations.rbegin(); it != stack.locations.rend(); ++it) {
      for (const FlameStep& step : steps[Index(*it)]) {
        absl::StrAppend(&line, line.empty() ? "" : ";", names[step.frame]);
      }
    }
    if (line.empty()) line = "[no stack]";
  }
  return texts;
}

// "/pay;acme;" for every sample, numbered.
struct Roots {
  std::vector<std::string> texts = {""};
  std::vector<uint32_t> of_sample;
};

Roots RootFrames(const model::Profile& profile, const std::vector<std::string>& keys) {
  Roots roots;
  roots.of_sample.resize(profile.samples.size());
  for (const std::string& key : keys) {
    const LabelColumn column = ReadLabelColumn(profile, key);
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> numbers;  // (root so far, value) -> root
    std::vector<std::string> texts;
    for (size_t i = 0; i < roots.of_sample.size(); ++i) {
      const uint32_t value = column.of_sample[i];
      uint32_t& root = roots.of_sample[i];
      const auto [it, is_new] =
          numbers.try_emplace({root, value}, static_cast<uint32_t>(texts.size()));
      if (is_new) {
        std::string frame = column.values[value];
        if (frame.empty()) frame = absl::StrCat(value == 0 ? "[no " : "[empty ", key, "]");
        texts.push_back(absl::StrCat(roots.texts[root], FoldedName(frame), ";"));
      }
      root = it->second;
    }
    roots.texts = std::move(texts);
  }
  return roots;
}

}  // namespace

std::string EncodeFolded(const model::Profile& profile, size_t type,
                         const std::vector<std::string>& by_labels) {
  const Roots roots = RootFrames(profile, by_labels);
  // Summed by number first: stacks are fewer than samples, and their text is long.
  std::map<std::pair<uint32_t, uint32_t>, int64_t> sums;
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    int64_t& sum = sums[{roots.of_sample[i], Index(profile.samples[i].stack)}];
    sum = model::SaturatingAdd(sum, profile.ValuesOf(i)[type]);
  }
  const std::vector<std::string> stacks = StackTexts(profile);
  std::map<std::string, int64_t> lines;  // stacks of other addresses may read the same
  for (const auto& [numbers, value] : sums) {
    if (value == 0) continue;
    int64_t& sum = lines[absl::StrCat(roots.texts[numbers.first], stacks[numbers.second])];
    sum = model::SaturatingAdd(sum, value);
  }
  std::string text;
  for (const auto& [line, sum] : lines) {
    if (sum != 0) absl::StrAppend(&text, line, " ", sum, "\n");
  }
  return text;
}

}  // namespace podo::encode
