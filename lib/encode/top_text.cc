// SPDX-License-Identifier: Apache-2.0
#include "encode/top_text.h"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/format.h"

namespace podo::encode {
namespace {

struct Unit {
  double size;
  const char* name;
};

std::string Scaled(double value, const std::array<Unit, 5>& units) {
  for (const Unit& unit : units) {
    if (std::abs(value) >= unit.size || unit.size == 1) {
      return base::StrFormat("%.*f %s", unit.size == 1 ? 0 : 2, value / unit.size, unit.name);
    }
  }
  return "";  // not reached: the last unit's size is 1
}

constexpr std::array<Unit, 5> kTimes = {
    {{3.6e12, "h"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}}};
constexpr std::array<Unit, 5> kSizes = {
    {{1ull << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, "B"}}};

// "3.0% +- 0.4": what sampling alone leaves open.
std::string ShareText(double share, int64_t samples) {
  if (samples <= 0) return base::StrFormat("%.1f%%", 100 * share);
  return base::StrFormat("%.1f%% +- %.1f", 100 * share, 100 * SamplingError(share, samples));
}

}  // namespace

std::string PrintableText(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return text;
}

std::string SampleTypeText(const model::Profile& profile, size_t type) {
  const model::ValueType& value_type = profile.sample_types[type];
  return FunctionText(
      {.name = absl::StrCat(profile.String(value_type.type), ": ",
                            ValueText(TotalOf(profile, type), profile.String(value_type.unit)))});
}

std::string ValueText(int64_t value, std::string_view unit) {
  const double number = static_cast<double>(value);
  if (unit == "nanoseconds") return Scaled(number, kTimes);
  if (unit == "microseconds") return Scaled(number * 1e3, kTimes);
  if (unit == "milliseconds") return Scaled(number * 1e6, kTimes);
  if (unit == "bytes") return Scaled(number, kSizes);
  if (unit == "count" || unit.empty()) return absl::StrCat(value);
  return absl::StrCat(value, " ", std::string(unit));
}

std::string FunctionText(const TopFunction& function) {
  std::string text = function.name;
  if (!function.file.empty() && function.line > 0) {
    absl::StrAppend(&text, " (", function.file, ":", function.line, ")");
  } else if (!function.file.empty() || !function.module.empty()) {
    absl::StrAppend(&text, " (", function.file.empty() ? function.module : function.file, ")");
  }
  return PrintableText(std::move(text));
}

std::string GuiltyText(const TopChange* guilty) {
  if (guilty == nullptr) return "guilty: none, no function's share grew";
  return base::StrFormat("guilty: %s: %.1f%% before, %.1f%% after", FunctionText(guilty->function),
                         100 * guilty->total_before, 100 * guilty->total_after);
}

std::string TopTableText(const model::Profile& profile, size_t type, size_t limit) {
  const std::string unit = profile.String(profile.sample_types[type].unit);
  std::string text = absl::StrCat(SampleTypeText(profile, type), "\n");
  base::StrAppendFormat(&text, "%12s %13s %12s %13s  %s\n", "self", "self%", "total", "total%",
                        "function (file:line)");
  const int64_t samples = SampleCount(profile);
  for (const TopRow& row : TopTable(profile, type, limit)) {
    base::StrAppendFormat(
        &text, "%12s %13s %12s %13s  %s\n", PrintableText(ValueText(row.self, unit)),
        ShareText(row.self_share, samples), PrintableText(ValueText(row.total, unit)),
        ShareText(row.total_share, samples), FunctionText(row.function));
  }
  return text;
}

std::string TopChangesText(const model::Profile& before, size_t before_type,
                           const model::Profile& after, size_t after_type, size_t limit) {
  // All of them: the guilty function need not be among the first `limit`.
  std::vector<TopChange> changes =
      TopChanges(before, before_type, after, after_type, std::numeric_limits<size_t>::max());
  std::string text = absl::StrCat("before ", SampleTypeText(before, before_type), "\nafter  ",
                                  SampleTypeText(after, after_type), "\n",
                                  GuiltyText(GuiltyFunction(changes)), "\n");
  base::StrAppendFormat(&text, "%8s %8s %8s  %8s %8s %8s  %s\n", "self", "after", "change", "total",
                        "after", "change", "function (file:line)");
  if (changes.size() > limit) changes.resize(limit);
  for (const TopChange& change : changes) {
    base::StrAppendFormat(
        &text, "%7.1f%% %7.1f%% %+7.1f%%  %7.1f%% %7.1f%% %+7.1f%%  %s\n", 100 * change.self_before,
        100 * change.self_after, 100 * change.SelfGrowth(), 100 * change.total_before,
        100 * change.total_after, 100 * change.TotalGrowth(), FunctionText(change.function));
  }
  return text;
}

}  // namespace podo::encode
