// SPDX-License-Identifier: Apache-2.0
#include "encode/label_table.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/format.h"
#include "encode/label_column.h"
#include "encode/link_labels.h"
#include "encode/top.h"
#include "encode/top_text.h"
#include "model/saturating.h"

namespace podo::encode {
namespace {

// One profile, or two that are compared.
struct Sides {
  const model::Profile* before;  // may be null
  size_t before_type;
  const model::Profile& after;
  size_t after_type;
  double before_total = before == nullptr ? 0 : Total(*before, before_type);
  double after_total = Total(after, after_type);

  static double Total(const model::Profile& profile, size_t type) {
    return static_cast<double>(TotalOf(profile, type));
  }
};

double Percent(int64_t part, double whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / whole;
}

std::string LineText(const Sides& sides, int64_t before, int64_t after, const std::string& name) {
  const std::string unit = sides.after.String(sides.after.sample_types[sides.after_type].unit);
  const double share = Percent(after, sides.after_total);
  if (sides.before == nullptr) {
    return base::StrFormat("%12s %6.1f%%  %s\n", PrintableText(ValueText(after, unit)), share,
                           PrintableText(name));
  }
  const double was = Percent(before, sides.before_total);
  return base::StrFormat("%7.1f%% %7.1f%% %+7.1f%%  %s\n", was, share, share - was,
                         PrintableText(name));
}

std::string RowsText(const Sides& sides, const std::vector<LabelRow>& rows, size_t limit) {
  std::string text;
  LabelRow others;
  for (size_t i = 0; i < rows.size(); ++i) {
    const LabelRow& row = rows[i];
    if (i < limit) {
      absl::StrAppend(&text,
                      LineText(sides, row.before, row.after, row.value.value_or("(no label)")));
    } else {
      others.before = model::SaturatingAdd(others.before, row.before);
      others.after = model::SaturatingAdd(others.after, row.after);
    }
  }
  if (rows.size() > limit) {
    absl::StrAppend(&text, LineText(sides, others.before, others.after,
                                    absl::StrCat("(", rows.size() - limit, " others)")));
  }
  return text;
}

std::string KeyText(const Sides& sides, const std::string& key, size_t limit) {
  const auto rows = LabelRows(sides.before, sides.before_type, sides.after, sides.after_type, key);
  const auto values = std::count_if(rows.begin(), rows.end(),
                                    [](const LabelRow& row) { return row.value.has_value(); });
  std::string text = absl::StrCat("\n", PrintableText(key), ": ", values,
                                  values == 1 ? " value" : " values", "\n");
  // One value a request: a list of them says nothing.
  if (key == kTraceIdKey || key == kSpanIdKey) return text;
  return text + RowsText(sides, rows, limit);
}

std::string Text(const Sides& sides, size_t limit) {
  std::set<std::string> keys;
  for (std::string& key : LabelKeys(sides.after)) keys.insert(std::move(key));
  if (sides.before != nullptr) {
    for (std::string& key : LabelKeys(*sides.before)) keys.insert(std::move(key));
  }
  std::string text;
  for (const std::string& key : keys) absl::StrAppend(&text, KeyText(sides, key, limit));
  return keys.empty() ? "no sample has labels\n" : text;
}

}  // namespace

std::vector<LabelRow> LabelRows(const model::Profile* before, size_t before_type,
                                const model::Profile& after, size_t after_type,
                                std::string_view key) {
  std::map<std::optional<std::string>, LabelRow> by_value;
  const auto add = [&](const model::Profile& profile, size_t type, int64_t LabelRow::*side) {
    const LabelColumn column = ReadLabelColumn(profile, key);
    std::vector<int64_t> sums(column.values.size());
    std::vector<bool> seen(column.values.size());
    for (size_t i = 0; i < column.of_sample.size(); ++i) {
      const uint32_t value = column.of_sample[i];
      sums[value] = model::SaturatingAdd(sums[value], profile.ValuesOf(i)[type]);
      seen[value] = true;
    }
    for (size_t i = 0; i < sums.size(); ++i) {
      if (!seen[i]) continue;
      const std::optional<std::string> value =
          i == 0 ? std::nullopt : std::optional(column.values[i]);
      LabelRow& row = by_value[value];
      row.value = value;
      row.*side = sums[i];
    }
  };
  if (before != nullptr) add(*before, before_type, &LabelRow::before);
  add(after, after_type, &LabelRow::after);
  std::vector<LabelRow> rows;
  for (auto& [value, row] : by_value) rows.push_back(std::move(row));
  const auto size = [](const LabelRow& row) {
    return std::max(std::abs(static_cast<double>(row.before)),
                    std::abs(static_cast<double>(row.after)));
  };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const LabelRow& a, const LabelRow& b) { return size(a) > size(b); });
  return rows;
}

std::string LabelTableText(const model::Profile& profile, size_t type, size_t limit) {
  return absl::StrCat(SampleTypeText(profile, type), "\n",
                      Text({nullptr, 0, profile, type}, limit));
}

std::string LabelChangesText(const model::Profile& before, size_t before_type,
                             const model::Profile& after, size_t after_type, size_t limit) {
  std::string text = absl::StrCat("before ", SampleTypeText(before, before_type), "\nafter  ",
                                  SampleTypeText(after, after_type), "\n");
  base::StrAppendFormat(&text, "%8s %8s %8s  %s\n", "before", "after", "change", "value");
  return text + Text({&before, before_type, after, after_type}, limit);
}

}  // namespace podo::encode
