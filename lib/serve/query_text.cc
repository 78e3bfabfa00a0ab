// SPDX-License-Identifier: Apache-2.0
#include "serve/query_text.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace podo::serve {
namespace {

constexpr size_t kMaxParameters = 100;
constexpr double kNs = 1e9;
// The year 2262, where nanoseconds end.
constexpr double kMaxSeconds = 9e9;
constexpr int64_t kDayNs = 86'400'000'000'000;
constexpr char kAccepted[] =
    "Unix seconds or milliseconds, RFC 3339 (2026-01-01T00:00:00Z), now, or now-3h (ms, s, m, h, "
    "d)";

absl::Status NotATime(std::string_view text) {
  constexpr size_t kMaxShown = 60;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", absl::string_view(text.data(), std::min(text.size(), kMaxShown)),
                   "\" is not a time; accepted: ", kAccepted));
}

absl::StatusOr<int64_t> ParseAgoNs(std::string_view text) {
  if (!text.ends_with('d')) return base::ParseDurationNs(text);
  const absl::StatusOr<double> days = base::ParseNumber(text.substr(0, text.size() - 1));
  constexpr double kMaxDays = 1e5;
  if (!days.ok() || !(*days >= 0 && *days <= kMaxDays)) return absl::InvalidArgumentError("");
  return static_cast<int64_t>(*days * static_cast<double>(kDayNs));
}

absl::StatusOr<std::string> DecodeField(std::string_view text) {
  std::string blanks(text);
  std::replace(blanks.begin(), blanks.end(), '+', ' ');
  absl::StatusOr<std::string> decoded = base::PercentDecode(blanks);
  if (decoded.ok()) return decoded;
  return absl::InvalidArgumentError("a parameter is not percent-encoded: %XX wants two hex digits");
}

}  // namespace

const std::string* Target::Find(std::string_view name) const {
  const auto found = std::find_if(parameters.rbegin(), parameters.rend(),
                                  [&](const base::KeyValue& p) { return p.key == name; });
  return found == parameters.rend() ? nullptr : &found->value;
}

absl::StatusOr<Target> ParseTarget(std::string_view target) {
  const size_t mark = std::min(target.find('?'), target.size());
  absl::StatusOr<std::string> path = base::PercentDecode(target.substr(0, mark));
  if (!path.ok()) {
    return absl::InvalidArgumentError("the path is not percent-encoded: %XX wants two hex digits");
  }
  Target parsed;
  parsed.path = *std::move(path);
  parsed.query = std::string(target.substr(std::min(mark + 1, target.size())));
  for (std::string_view rest = parsed.query; !rest.empty();) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (field.empty()) continue;
    if (parsed.parameters.size() == kMaxParameters) {
      return absl::InvalidArgumentError(
          absl::StrCat("too many parameters; accepted: at most ", kMaxParameters));
    }
    const size_t equals = std::min(field.find('='), field.size());
    absl::StatusOr<std::string> key = DecodeField(field.substr(0, equals));
    if (!key.ok()) return key.status();
    absl::StatusOr<std::string> value =
        DecodeField(field.substr(std::min(equals + 1, field.size())));
    if (!value.ok()) return value.status();
    parsed.parameters.push_back({*std::move(key), *std::move(value)});
  }
  return parsed;
}

absl::StatusOr<int64_t> ParseTime(std::string_view text, int64_t now_ns) {
  text = base::TrimBlanks(text);
  if (text == "now") return now_ns;
  if (text.starts_with("now-")) {
    const absl::StatusOr<int64_t> ago_ns = ParseAgoNs(text.substr(4));
    if (!ago_ns.ok()) return NotATime(text);
    return now_ns > *ago_ns ? now_ns - *ago_ns : 0;
  }
  if (const absl::StatusOr<double> number = base::ParseNumber(text); number.ok()) {
    constexpr double kLeastMilliseconds = 1e11;
    const double seconds = *number >= kLeastMilliseconds ? *number / 1000 : *number;
    if (!(seconds >= 0 && seconds <= kMaxSeconds)) return NotATime(text);
    // Whole seconds apart: a double does not hold the nanoseconds of today.
    const double whole = std::floor(seconds);
    return static_cast<int64_t>(whole) * 1'000'000'000 +
           static_cast<int64_t>(std::round((seconds - whole) * 1e6) * (kNs / 1e6));
  }
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, absl::string_view(text.data(), text.size()), &time,
                      &error)) {
    const int64_t seconds = absl::ToUnixSeconds(time);
    if (seconds >= 0 && static_cast<double>(seconds) <= kMaxSeconds) {
      return absl::ToUnixNanos(time);
    }
  }
  return NotATime(text);
}

}  // namespace podo::serve
