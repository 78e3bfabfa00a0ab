// SPDX-License-Identifier: Apache-2.0
#include "encode/folded.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <tuple>
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

// Stacks as numbers of names, root first: their text is many times as long.
struct StackNames {
  std::vector<std::string> names;  // ascending
  std::vector<std::vector<uint32_t>> stacks;
};

StackNames NamesOf(const model::Profile& profile) {
  FlameFrames frames;
  const std::vector<std::vector<FlameStep>> steps = frames.AddLocations(profile);
  constexpr std::string_view kNoFrames = "[no stack]";
  std::map<std::string, uint32_t> numbers = {{std::string(kNoFrames), 0}};
  std::vector<const uint32_t*> of_frame;
  for (const FlameFrame& frame : frames.frames()) {
    of_frame.push_back(&numbers[FoldedName(frames.strings()[frame.name])]);
  }
  StackNames all;
  for (auto& [name, number] : numbers) {
    number = static_cast<uint32_t>(all.names.size());
    all.names.push_back(name);
  }
  const uint32_t no_frames = numbers.find(std::string(kNoFrames))->second;
  for (const model::Stack& stack : profile.stacks) {
    std::vector<uint32_t>& line = all.stacks.emplace_back();
    for (auto it = stack.locations.rbegin(); it != stack.locations.rend(); ++it) {
      for (const FlameStep& step : steps[Index(*it)]) line.push_back(*of_frame[step.frame]);
    }
    if (line.empty()) line.push_back(no_frames);
  }
  return all;
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
  const StackNames all = NamesOf(profile);
  struct Line {
    std::string_view root;
    const std::vector<uint32_t>* stack;
    int64_t value;
    bool IsSame(const Line& other) const { return root == other.root && *stack == *other.stack; }
  };
  std::vector<Line> lines;
  for (const auto& [numbers, value] : sums) {
    if (value == 0) continue;
    lines.push_back({roots.texts[numbers.first], &all.stacks[numbers.second], value});
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return std::tie(a.root, *a.stack) < std::tie(b.root, *b.stack);
  });
  size_t kept = 0, bytes = 0;
  for (const Line& line : lines) {
    if (kept > 0 && lines[kept - 1].IsSame(line)) {  // stacks of other addresses may read the same
      lines[kept - 1].value = model::SaturatingAdd(lines[kept - 1].value, line.value);
      continue;
    }
    constexpr size_t kNumberBytes = 22;
    bytes += line.root.size() + kNumberBytes;
    for (const uint32_t name : *line.stack) bytes += all.names[name].size() + 1;
    lines[kept++] = line;
  }
  std::string text;
  text.reserve(bytes);
  for (size_t i = 0; i < kept; ++i) {
    if (lines[i].value == 0) continue;
    text.append(lines[i].root);
    for (const uint32_t name : *lines[i].stack) text.append(all.names[name]).push_back(';');
    text.back() = ' ';
    absl::StrAppend(&text, lines[i].value, "\n");
  }
  return text;
}

}  // namespace podo::encode
