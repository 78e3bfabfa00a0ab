// SPDX-License-Identifier: Apache-2.0
#include "serve/cpu_totals.h"

#include <limits>
#include <map>
#include <utility>

#include "encode/label_column.h"
#include "encode/top.h"

namespace podo::serve {
namespace {

using Values = std::vector<std::pair<std::string, int64_t>>;

constexpr char kSeparator = '\0';  // between key and value; in neither, for both came as C strings
constexpr std::string_view kEllipsis = "\xe2\x80\xa6";
// One value a request, or nearly: of no use as a series.
constexpr std::string_view kManyValued[] = {"trace_id", "span_id", "thread_id"};

std::string Shortened(const std::string& name) {
  if (name.size() <= kMaxFunctionNameBytes) return name;
  size_t end = kMaxFunctionNameBytes - kEllipsis.size();
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  return name.substr(0, end) + std::string(kEllipsis);
}

// "[libc.so.6]" for code without a name: a series for each of its addresses would be noise. Empty
// for code that has one.
std::string Nameless(const encode::TopFunction& function) {
  const std::string file = function.module.substr(function.module.rfind('/') + 1);
  const bool is_address = !file.empty() && function.name.starts_with(file + "+0x");
  return is_address ? "[" + file + "]" : "";
}

Values ToValues(const std::map<std::string, int64_t>& sums) { return {sums.begin(), sums.end()}; }

bool IsManyValued(std::string_view key) {
  for (const std::string_view many : kManyValued) {
    if (key == many) return true;
  }
  return false;
}

Values LabelSums(const model::Profile& window, size_t type) {
  Values sums;
  for (const std::string& key : encode::LabelKeys(window)) {
    if (IsManyValued(key)) continue;
    const encode::LabelColumn column = encode::ReadLabelColumn(window, key);
    std::vector<int64_t> by_value(column.values.size());
    for (size_t i = 0; i < window.samples.size(); ++i) {
      by_value[column.of_sample[i]] += window.ValuesOf(i)[type];
    }
    for (size_t v = 1; v < by_value.size(); ++v) {
      sums.emplace_back(key + kSeparator + column.values[v], by_value[v]);
    }
  }
  return sums;
}

std::vector<CpuTotals::Function> ToFunctions(const BoundedTotals& totals) {
  std::vector<CpuTotals::Function> functions;
  for (auto& [name, sum] : totals.Sums()) functions.push_back({name, sum});
  return functions;
}

}  // namespace

void CpuTotals::Add(const model::Profile& window) {
  if (window.sample_types.empty()) return;
  const size_t type = window.sample_types.size() - 1;
  const int64_t all = encode::TotalOf(window, type);
  // By name: functions of one name in two files are one series.
  std::map<std::string, int64_t> self, total;
  constexpr size_t kAll = std::numeric_limits<size_t>::max();
  for (const encode::TopRow& row : encode::TopTable(window, type, kAll)) {
    const std::string nameless = Nameless(row.function);
    const std::string name = nameless.empty() ? Shortened(row.function.name) : nameless;
    self[name] += row.self;
    if (nameless.empty()) total[name] += row.total;  // several on one stack would count twice
  }
  const Values labels = LabelSums(window, type);
  const std::lock_guard lock(mutex_);
  self_.Add(ToValues(self), all);
  total_.Add(ToValues(total), all);
  labels_.Add(labels, all);
}

CpuTotals::Snapshot CpuTotals::Read() const {
  Snapshot snapshot;
  const std::lock_guard lock(mutex_);
  snapshot.self = ToFunctions(self_);
  snapshot.total = ToFunctions(total_);
  for (const auto& [name, sum] : labels_.Sums()) {
    const size_t end = name.find(kSeparator);
    snapshot.labels.push_back({name.substr(0, end), name.substr(end + 1), sum});
  }
  return snapshot;
}

}  // namespace podo::serve
