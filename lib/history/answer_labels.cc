// SPDX-License-Identifier: Apache-2.0
// The labels of a range.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "history/snapshot.h"
#include "model/saturating.h"

namespace podo::history {
namespace {

class Adding final : public WindowVisitor {
 public:
  void Begin(const Contents& contents) override {
    of_sets_.assign(contents.tables.label_set_ends.size(), 0);
    seen_.assign(of_sets_.size(), false);
  }
  void Visit(const Contents& contents, const WindowHead&,
             absl::Span<const WindowSample> samples) override {
    for (const WindowSample& s : samples) {
      const uint32_t set = contents.tables.keys[s.key].label_set;
      of_sets_[set] = model::SaturatingAdd(of_sets_[set], s.cpu_ns);
      seen_[set] = true;
    }
  }
  base::Status End(const Contents& contents) override {
    const Tables& t = contents.tables;
    for (uint32_t set = 0; set < of_sets_.size(); ++set) {
      if (!seen_[set]) continue;
      for (uint32_t i = t.LabelsBegin(set); i < t.label_set_ends[set]; ++i) {
        Add(std::string(t.String(t.labels[i].key)), LabelText(t, t.labels[i]), of_sets_[set]);
      }
    }
    return bytes_ > kMaxAnswerBytes ? TooMuchToAnswer(bytes_) : base::OkStatus();
  }

  std::vector<LabelKey> Finish(size_t max_values) const {
    std::vector<LabelKey> keys;
    for (const auto& [key, of_values] : of_keys_) {
      LabelKey& out = keys.emplace_back();
      out.key = key;
      for (const auto& [value, cpu_ns] : of_values) out.values.push_back({value, cpu_ns});
      // Values stand in the order of their text; those with equal time stay so.
      std::stable_sort(out.values.begin(), out.values.end(),
                       [](const auto& a, const auto& b) { return a.cpu_ns > b.cpu_ns; });
      if (out.values.size() > max_values) {
        out.more = out.values.size() - max_values;
        out.values.resize(max_values);
      }
    }
    return keys;
  }

 private:
  void Add(std::string key, std::string value, int64_t cpu_ns) {
    constexpr size_t kNodeBytes = 64;  // of a map's entry beside its text
    const size_t bytes = value.size() + sizeof(std::string) + kNodeBytes;
    const auto [it, is_new] = of_keys_[std::move(key)].try_emplace(std::move(value), 0);
    if (is_new) bytes_ += bytes;
    it->second = model::SaturatingAdd(it->second, cpu_ns);
  }

  std::vector<int64_t> of_sets_;
  std::vector<bool> seen_;
  std::map<std::string, std::map<std::string, int64_t>> of_keys_;
  size_t bytes_ = 0;
};

}  // namespace

base::StatusOr<std::vector<LabelKey>> AnswerLabels(const Snapshot& snapshot, const Query& query,
                                                   size_t max_values) {
  Adding adding;
  Resolution resolution;
  if (base::Status failed = VisitWindows(snapshot, query, &adding, &resolution); !failed.ok()) {
    return failed;
  }
  return adding.Finish(max_values);
}

}  // namespace podo::history
