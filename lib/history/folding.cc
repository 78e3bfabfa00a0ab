// SPDX-License-Identifier: Apache-2.0
#include "history/folding.h"

#include <map>
#include <tuple>
#include <utility>

#include "base/hash_map.h"
#include "history/sums.h"
#include "model/saturating.h"

namespace podo::history {
namespace {

using model::SaturatingAdd;

// CPU time, or ticks where no CPU time is known.
class Weigher {
 public:
  explicit Weigher(const base::PageVector<WindowSample>& samples) {
    int64_t cpu_ns = 0, count = 0;
    for (const WindowSample& s : samples) {
      cpu_ns = SaturatingAdd(cpu_ns, s.cpu_ns);
      count = SaturatingAdd(count, s.count);
    }
    by_cpu_ = cpu_ns > 0;
    total_ = by_cpu_ ? cpu_ns : count;
  }
  int64_t Of(const WindowSample& s) const { return by_cpu_ ? s.cpu_ns : s.count; }
  bool IsSmall(int64_t weight, int64_t part) const {
    return weight < total_ / part + (total_ % part != 0 ? 1 : 0);
  }

 private:
  bool by_cpu_;
  int64_t total_;
};

// Replaces small values in label sets.
class LabelFolding {
 public:
  LabelFolding(Interner* tables, const Weigher& weigher,
               const base::PageVector<WindowSample>& samples)
      : tables_(*tables), weigher_(weigher) {
    base::HashMap<uint32_t, int64_t> of_sets;
    for (const WindowSample& s : samples) {
      int64_t& weight = of_sets[t().keys[s.key].label_set];
      weight = SaturatingAdd(weight, weigher.Of(s));
    }
    for (const auto& [set, weight] : of_sets) {
      for (uint32_t i = t().LabelsBegin(set); i < t().label_set_ends[set]; ++i) {
        int64_t& sum = weights_[ValueOf(t().labels[i])];
        sum = SaturatingAdd(sum, weight);
      }
    }
  }

  uint32_t Of(uint32_t set) {
    const auto [it, is_new] = folded_.try_emplace(set, set);
    if (!is_new) return it->second;
    std::vector<LabelRow> labels;
    bool any = false;
    for (uint32_t i = t().LabelsBegin(set); i < t().label_set_ends[set]; ++i) {
      labels.push_back(t().labels[i]);
      if (!weigher_.IsSmall(weights_[ValueOf(labels.back())], kLabelPart)) continue;
      const LabelRow other = {.key = labels.back().key, .string = tables_.AddString(kOther)};
      any = any || labels.back() != other;
      labels.back() = other;
    }
    return it.value() = any ? tables_.AddLabelSet(labels) : set;
  }

 private:
  using Value = std::tuple<uint32_t, uint32_t, uint32_t, int64_t>;
  static Value ValueOf(const LabelRow& l) { return {l.key, l.string, l.unit, l.number}; }
  const Tables& t() const { return tables_.tables(); }

  Interner& tables_;
  const Weigher& weigher_;
  base::HashMap<Value, int64_t> weights_;
  base::HashMap<uint32_t, uint32_t> folded_;
};

// Collects small stacks on their way from the leaf to the root.
class StackFolding {
 public:
  StackFolding(Interner* tables, const Weigher& weigher,
               const base::PageVector<WindowSample>& samples)
      : tables_(*tables), weigher_(weigher) {
    for (const WindowSample& s : samples) {
      int64_t& weight = weights_[tables_.tables().keys[s.key].node];
      weight = SaturatingAdd(weight, weigher.Of(s));
    }
  }

  // False if the sample's stack is large enough to stay.
  bool Take(const KeyRow& key, const WindowSample& sample) {
    if (key.node == 0 || !weigher_.IsSmall(weights_[key.node], kStackPart)) return false;
    small_[key.node].push_back({key.label_set, sample.count, sample.cpu_ns});
    return true;
  }

  // Leaves first: a caller has a smaller number than what it calls.
  void AddOthers(Sums* sums) {
    const uint32_t other = tables_.AddNamedFrame(kOther);
    while (!small_.empty()) {
      const auto last = std::prev(small_.end());
      const uint32_t node = last->first;
      base::PageVector<WindowSample> parts = std::move(last->second);
      small_.erase(last);
      int64_t weight = 0;
      for (const WindowSample& s : parts) weight = SaturatingAdd(weight, weigher_.Of(s));
      if (node != 0 && weigher_.IsSmall(weight, kStackPart)) {
        MoveTo(tables_.tables().nodes[node].parent, std::move(parts));
        continue;
      }
      const uint32_t folded = tables_.AddNode({node, other});
      for (const WindowSample& s : parts) {
        sums->Add({tables_.AddKey({folded, s.key}), s.count, s.cpu_ns});
      }
    }
  }

 private:
  void MoveTo(uint32_t node, base::PageVector<WindowSample> parts) {
    base::PageVector<WindowSample>& there = small_[node];
    if (there.size() < parts.size()) there.swap(parts);  // the few to the many
    there.insert(there.end(), parts.begin(), parts.end());
  }

  Interner& tables_;
  const Weigher& weigher_;
  base::HashMap<uint32_t, int64_t> weights_;
  std::map<uint32_t, base::PageVector<WindowSample>> small_;  // by node; their `key` is a label set
};

}  // namespace

bool Fold(Interner* tables, base::PageVector<WindowSample>* samples) {
  const Weigher weigher(*samples);
  LabelFolding labels(tables, weigher, *samples);
  StackFolding stacks(tables, weigher, *samples);
  bool folded = false;
  Sums sums;
  for (const WindowSample& s : *samples) {
    const KeyRow row = tables->tables().keys[s.key];
    const KeyRow key = {row.node, labels.Of(row.label_set)};
    folded = folded || key != row;
    if (stacks.Take(key, s)) {
      folded = true;
    } else {
      sums.Add({tables->AddKey(key), s.count, s.cpu_ns});
    }
  }
  stacks.AddOthers(&sums);
  *samples = sums.Take();
  return folded;
}

}  // namespace podo::history
