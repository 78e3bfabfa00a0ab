// SPDX-License-Identifier: Apache-2.0
#include "encode/top.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/hash_map.h"
#include "encode/flame_frames.h"
#include "model/saturating.h"

namespace podo::encode {
namespace {

double Size(int64_t value) { return std::abs(static_cast<double>(value)); }

double ShareOf(int64_t value, int64_t total) {
  return total == 0 ? 0.0 : static_cast<double>(value) / static_cast<double>(total);
}

// Self and total of every frame, collected sample by sample.
class FrameSums {
 public:
  explicit FrameSums(size_t frames) : sums_(frames) {}

  // `path` is a stack, root first.
  void Add(absl::Span<const FlameStep> path, int64_t value) {
    ++samples_;
    for (const FlameStep& step : path) {
      Sum& sum = sums_[step.frame];
      if (sum.last_sample == samples_) continue;  // recursion
      sum.last_sample = samples_;
      sum.total = model::SaturatingAdd(sum.total, value);
    }
    Sum& leaf = sums_[path.back().frame];
    leaf.self = model::SaturatingAdd(leaf.self, value);
  }
  int64_t self(size_t frame) const { return sums_[frame].self; }
  int64_t total(size_t frame) const { return sums_[frame].total; }

 private:
  struct Sum {
    int64_t self = 0;
    int64_t total = 0;
    uint64_t last_sample = 0;
  };
  std::vector<Sum> sums_;
  uint64_t samples_ = 0;
};

// Every function of a profile, unsorted.
std::vector<TopRow> AllRows(const model::Profile& profile, size_t type) {
  FlameFrames frames;
  const std::vector<std::vector<FlameStep>> steps = frames.AddLocations(profile);
  const FlameStep no_stack = frames.AddNamed("[no stack]");
  FrameSums sums(frames.frames().size());
  std::vector<FlameStep> path;
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    path.clear();
    const auto& locations = profile.stacks[Index(profile.samples[i].stack)].locations;
    for (auto it = locations.rbegin(); it != locations.rend(); ++it) {
      path.insert(path.end(), steps[Index(*it)].begin(), steps[Index(*it)].end());
    }
    if (path.empty()) path.push_back(no_stack);
    const int64_t value = profile.ValuesOf(i)[type];
    sums.Add(path, value);
    frames.CountLines(path, value);
  }

  const auto hot_lines = frames.HotLines(1);
  const int64_t all = TotalOf(profile, type);
  std::vector<TopRow> rows;
  for (size_t i = 0; i < frames.frames().size(); ++i) {
    const FlameFrame& frame = frames.frames()[i];
    if (sums.total(i) == 0 && sums.self(i) == 0) continue;
    rows.push_back({.function = {.name = frames.strings()[frame.name],
                                 .file = frames.strings()[frame.file],
                                 .line = hot_lines[i].empty() ? 0 : hot_lines[i][0].first,
                                 .module = frames.strings()[frame.module]},
                    .self = sums.self(i),
                    .total = sums.total(i),
                    .self_share = ShareOf(sums.self(i), all),
                    .total_share = ShareOf(sums.total(i), all)});
  }
  return rows;
}

// Sorts by `keys` of a row, largest first, then by name and file: no order is left to chance.
// Keeps at most `limit`.
template <typename Row, typename Keys>
void SortAndCut(std::vector<Row>* rows, size_t limit, Keys keys) {
  std::sort(rows->begin(), rows->end(), [&](const Row& a, const Row& b) {
    const auto a_keys = keys(a);
    const auto b_keys = keys(b);
    if (a_keys != b_keys) return a_keys > b_keys;
    if (a.function.name != b.function.name) return a.function.name < b.function.name;
    return a.function.file < b.function.file;
  });
  if (rows->size() > limit) rows->resize(limit);
}

// A difference of shares without the noise of floating point: equal sizes are to be equal.
double Rounded(double growth) { return std::round(growth * 1e9) / 1e9; }

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool IsLibraryCode(const TopFunction& function) {
  return function.file.empty() || StartsWith(function.file, "/usr/") ||
         StartsWith(function.name, "std::") || StartsWith(function.name, "__");
}

}  // namespace

int64_t SampleCount(const model::Profile& profile) {
  for (size_t type = 0; type < profile.sample_types.size(); ++type) {
    if (profile.String(profile.sample_types[type].type) == "samples" &&
        profile.String(profile.sample_types[type].unit) == "count") {
      return TotalOf(profile, type);
    }
  }
  return 0;
}

double SamplingError(double share, int64_t samples) {
  const double p = std::clamp(std::abs(share), 0.0, 1.0);
  return samples > 0 ? std::sqrt(p * (1 - p) / static_cast<double>(samples)) : 0;
}

int64_t TotalOf(const model::Profile& profile, size_t type) {
  int64_t total = 0;
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    const int64_t value = profile.ValuesOf(i)[type];
    total = model::SaturatingAdd(total, value < 0 ? model::SaturatingAdd(-(value + 1), 1) : value);
  }
  return total;
}

std::vector<TopRow> TopTable(const model::Profile& profile, size_t type, size_t limit) {
  std::vector<TopRow> rows = AllRows(profile, type);
  SortAndCut(&rows, limit,
             [](const TopRow& row) { return std::pair(Size(row.self), Size(row.total)); });
  return rows;
}

std::vector<TopChange> TopChanges(const model::Profile& before, size_t before_type,
                                  const model::Profile& after, size_t after_type, size_t limit) {
  std::vector<TopChange> changes;
  base::HashMap<std::pair<std::string, std::string>, size_t> by_function;
  for (TopRow& row : AllRows(after, after_type)) {
    by_function.try_emplace({row.function.name, row.function.file}, changes.size());
    changes.push_back({.function = std::move(row.function),
                       .self_after = row.self_share,
                       .total_after = row.total_share});
  }
  for (TopRow& row : AllRows(before, before_type)) {
    const auto [it, is_new] =
        by_function.try_emplace({row.function.name, row.function.file}, changes.size());
    if (is_new) changes.push_back({.function = std::move(row.function)});
    changes[it->second].self_before = row.self_share;
    changes[it->second].total_before = row.total_share;
  }
  std::erase_if(changes, [](const TopChange& change) {
    return Rounded(change.SelfGrowth()) == 0 && Rounded(change.TotalGrowth()) == 0;
  });
  SortAndCut(&changes, limit, [](const TopChange& change) {
    const double self = Rounded(change.SelfGrowth());
    const double total = Rounded(change.TotalGrowth());
    return std::tuple(std::abs(self), std::abs(total), self + total);  // of equals, what grew
  });
  return changes;
}

const TopChange* GuiltyFunction(const std::vector<TopChange>& changes) {
  constexpr double kLeastGrowth = 0.001;  // below this a profile of 1000 samples shows noise
  double largest = kLeastGrowth;
  for (const TopChange& change : changes) largest = std::max(largest, change.TotalGrowth());
  const TopChange* guilty = nullptr;
  for (const TopChange& change : changes) {
    if (change.TotalGrowth() < largest / 2 || change.TotalGrowth() < kLeastGrowth) continue;
    const bool is_library = IsLibraryCode(change.function);
    const bool guilty_is_library = guilty == nullptr || IsLibraryCode(guilty->function);
    if (guilty == nullptr || (guilty_is_library && !is_library) ||
        (guilty_is_library == is_library && change.total_after < guilty->total_after)) {
      guilty = &change;
    }
  }
  return guilty;
}

}  // namespace podo::encode
