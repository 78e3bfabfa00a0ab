// SPDX-License-Identifier: Apache-2.0
// Windows of a made-up service, and profiles as what their stacks say by name.
#ifndef PODO_TESTS_UNIT_HISTORY_SYNTHETIC_H_
#define PODO_TESTS_UNIT_HISTORY_SYNTHETIC_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/merge.h"
#include "model/profile.h"
#include "model/profile_builder.h"

namespace podo::history {

inline constexpr int64_t kSecondNs = 1'000'000'000;
inline constexpr int64_t kDayBeginNs = 1'767'225'600 * kSecondNs;

// One stack of a window: offsets of its frames in the program, leaf first.
struct MadeStack {
  std::vector<uint64_t> offsets;
  int64_t count = 1;
  std::string endpoint;
  int64_t thread_id = 0;
};
struct MadeWindow {
  int64_t begin_ns = kDayBeginNs;
  int64_t duration_ns = 10 * kSecondNs;
  int64_t period_ns = 10'000'000;
  std::vector<MadeStack> stacks;
  bool named = true;                    // functions are f<offset>
  uint64_t load_base = 0x55d000000000;  // where the loader put the program this time
  std::string build_id = "c0ffee01";
  std::string comment = "service.name=shop";
};

inline constexpr uint64_t kSegmentOffset = 0x1000;  // in the file

inline model::Profile Make(const MadeWindow& window) {
  model::ProfileBuilder b({{"samples", "count"}, {"cpu", "nanoseconds"}});
  const model::MappingId program = b.AddMapping({.start = window.load_base,
                                                 .limit = window.load_base + 0x1000000,
                                                 .file_offset = kSegmentOffset,
                                                 .filename = b.AddString("/opt/shop"),
                                                 .build_id = b.AddString(window.build_id),
                                                 .has_functions = window.named});
  for (const MadeStack& made : window.stacks) {
    std::vector<model::LocationId> stack;
    for (const uint64_t offset : made.offsets) {
      model::Location location{.mapping = program, .address = window.load_base + offset};
      if (window.named) {
        const model::StringId name = b.AddString(absl::StrCat("f", offset));
        const model::FunctionId function =
            b.AddFunction({.name = name, .system_name = name, .filename = b.AddString("shop.cc")});
        location.lines.push_back({.function = function, .line = static_cast<int64_t>(offset)});
      }
      stack.push_back(b.AddLocation(location));
    }
    model::LabelSet labels;
    if (!made.endpoint.empty()) {
      labels.labels.push_back({b.AddString("endpoint"), b.AddString(made.endpoint), 0, {}});
    }
    if (made.thread_id != 0) {
      labels.labels.push_back({b.AddString("thread_id"), {}, made.thread_id, {}});
    }
    b.AddSample(b.AddStack(stack), b.AddLabelSet(labels), {},
                {made.count, made.count * window.period_ns});
  }
  model::Profile& p = b.profile();
  p.time_ns = window.begin_ns;
  p.duration_ns = window.duration_ns;
  p.period_type = {b.AddString("cpu"), b.AddString("nanoseconds")};
  p.period = window.period_ns;
  p.default_sample_type = b.AddString("cpu");
  p.comments = {b.AddString(window.comment)};
  return b.Take();
}

// "f3;f2;f1 endpoint=/pay" -> values.
using Told = std::map<std::string, std::pair<int64_t, int64_t>>;
inline Told Tell(const model::Profile& p) {
  Told told;
  for (size_t i = 0; i < p.samples.size(); ++i) {
    std::string text;
    for (const model::LocationId id : p.stacks[Index(p.samples[i].stack)].locations) {
      const model::Location& location = p.locations[Index(id)];
      for (const model::Line& line : location.lines) {
        const model::Function& f = p.functions[Index(line.function)];
        absl::StrAppend(&text, p.String(f.name), ":", line.line, ";");
      }
      if (location.lines.empty()) {
        const model::Mapping& m = p.mappings[Index(location.mapping)];
        absl::StrAppend(&text, p.String(m.build_id), "+",
                        location.address - m.start + m.file_offset, ";");
      }
    }
    for (const model::Label& label : p.label_sets[Index(p.samples[i].labels)].labels) {
      absl::StrAppend(&text, " ", p.String(label.key), "=", p.String(label.string), label.number,
                      p.String(label.number_unit));
    }
    told[text].first += p.ValuesOf(i)[0];
    told[text].second += p.ValuesOf(i)[1];
  }
  return told;
}

inline std::pair<int64_t, int64_t> Total(const Told& told) {
  std::pair<int64_t, int64_t> total;
  for (const auto& [text, values] : told) {
    total.first += values.first;
    total.second += values.second;
  }
  return total;
}

inline model::Profile MergeAll(const std::vector<model::Profile>& profiles) {
  model::ProfileBuilder b({{"samples", "count"}, {"cpu", "nanoseconds"}});
  for (const model::Profile& p : profiles) model::MergeProfile(p, &b, model::Links::kDrop);
  return b.Take();
}

// Pseudo-random, the same on every machine.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t Below(uint64_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % limit;
  }

 private:
  uint64_t state_;
};

// `ticks` over stacks of which few are hot and many rare, in a program of `functions` functions.
inline MadeWindow BusyWindow(uint64_t seed, int ticks, uint64_t functions = 3000) {
  Dice dice(seed + 1);
  MadeWindow window;
  window.period_ns = 9'990'000 + static_cast<int64_t>(dice.Below(20'000));
  constexpr const char* kEndpoints[] = {"/pay", "/pay", "/pay", "/cart", "/search", ""};
  for (int i = 0; i < ticks; ++i) {
    MadeStack stack;
    uint64_t f = dice.Below(1 + dice.Below(1 + dice.Below(functions)));
    const uint64_t depth = 5 + f % 20;
    for (uint64_t d = 0; d < depth; ++d) {
      stack.offsets.push_back(0x2000 + f * 16);
      f /= 2;
    }
    stack.endpoint = kEndpoints[dice.Below(std::size(kEndpoints))];
    window.stacks.push_back(stack);
  }
  return window;
}

}  // namespace podo::history

#endif  // PODO_TESTS_UNIT_HISTORY_SYNTHETIC_H_
