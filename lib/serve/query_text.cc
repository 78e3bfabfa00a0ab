// SPDX-License-Identifier: Apache-2.0
#include "serve/query_text.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

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

base::Status NotATime(std::string_view text) {
  constexpr size_t kMaxShown = 60;
  return base::InvalidArgumentError(
      absl::StrCat("\"", absl::string_view(text.data(), std::min(text.size(), kMaxShown)),
                   "\" is not a time; accepted: ", kAccepted));
}

base::StatusOr<int64_t> ParseAgoNs(std::string_view text) {
  if (!text.ends_with('d')) return base::ParseDurationNs(text);
  const base::StatusOr<double> days = base::ParseNumber(text.substr(0, text.size() - 1));
  constexpr double kMaxDays = 1e5;
  if (!days.ok() || !(*days >= 0 && *days <= kMaxDays)) return base::InvalidArgumentError("");
  return static_cast<int64_t>(*days * static_cast<double>(kDayNs));
}

// Takes `digits` digits off the text's left end; -1 if they are not there.
int TakeNumber(std::string_view* text, size_t digits) {
  if (text->size() < digits) return -1;
  int value = 0;
  for (const char c : text->substr(0, digits)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return value;
}

bool TakeOneOf(std::string_view* text, std::string_view accepted) {
  if (text->empty() || accepted.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

// Section 5.6 of RFC 3339; none before 1970 and after 2262. By hand: strptime asks the host's
// locale, and gcc 12 has no std::chrono::parse.
std::optional<int64_t> ParseRfc3339Ns(std::string_view text) {
  const int year = TakeNumber(&text, 4);
  if (!TakeOneOf(&text, "-")) return std::nullopt;
  const int month = TakeNumber(&text, 2);
  if (!TakeOneOf(&text, "-")) return std::nullopt;
  const int day = TakeNumber(&text, 2);
  if (!TakeOneOf(&text, "Tt")) return std::nullopt;
  const int hour = TakeNumber(&text, 2);
  if (!TakeOneOf(&text, ":")) return std::nullopt;
  const int minute = TakeNumber(&text, 2);
  if (!TakeOneOf(&text, ":")) return std::nullopt;
  const int second = TakeNumber(&text, 2);
  int64_t fraction_ns = 0;
  if (TakeOneOf(&text, ".")) {
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    for (int64_t unit = 100'000'000; !text.empty() && text.front() >= '0' && text.front() <= '9';
         unit /= 10, text.remove_prefix(1)) {
      fraction_ns += unit * (text.front() - '0');
    }
  }
  int offset_minutes = 0;
  if (!TakeOneOf(&text, "Zz")) {
    const bool west = text.starts_with('-');
    if (!TakeOneOf(&text, "+-")) return std::nullopt;
    const int hours = TakeNumber(&text, 2);
    if (!TakeOneOf(&text, ":")) return std::nullopt;
    const int minutes = TakeNumber(&text, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
    offset_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
  }
  const std::chrono::year_month_day date{std::chrono::year(year) / month / day};
  if (!text.empty() || year < 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60) {
    return std::nullopt;
  }
  const int64_t seconds =
      std::chrono::sys_seconds(std::chrono::sys_days(date)).time_since_epoch().count() +
      (hour * 60 + minute - offset_minutes) * 60 + second;
  if (seconds < 0 || static_cast<double>(seconds) > kMaxSeconds) return std::nullopt;
  return seconds * 1'000'000'000 + fraction_ns;
}

base::StatusOr<std::string> DecodeField(std::string_view text) {
  std::string blanks(text);
  std::replace(blanks.begin(), blanks.end(), '+', ' ');
  base::StatusOr<std::string> decoded = base::PercentDecode(blanks);
  if (decoded.ok()) return decoded;
  return base::InvalidArgumentError("a parameter is not percent-encoded: %XX wants two hex digits");
}

}  // namespace

const std::string* Target::Find(std::string_view name) const {
  const auto found = std::find_if(parameters.rbegin(), parameters.rend(),
                                  [&](const base::KeyValue& p) { return p.key == name; });
  return found == parameters.rend() ? nullptr : &found->value;
}

base::StatusOr<Target> ParseTarget(std::string_view target) {
  const size_t mark = std::min(target.find('?'), target.size());
  base::StatusOr<std::string> path = base::PercentDecode(target.substr(0, mark));
  if (!path.ok()) {
    return base::InvalidArgumentError("the path is not percent-encoded: %XX wants two hex digits");
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
      return base::InvalidArgumentError(
          absl::StrCat("too many parameters; accepted: at most ", kMaxParameters));
    }
    const size_t equals = std::min(field.find('='), field.size());
    base::StatusOr<std::string> key = DecodeField(field.substr(0, equals));
    if (!key.ok()) return key.status();
    base::StatusOr<std::string> value =
        DecodeField(field.substr(std::min(equals + 1, field.size())));
    if (!value.ok()) return value.status();
    parsed.parameters.push_back({*std::move(key), *std::move(value)});
  }
  return parsed;
}

base::StatusOr<int64_t> ParseTime(std::string_view text, int64_t now_ns) {
  text = base::TrimBlanks(text);
  if (text == "now") return now_ns;
  if (text.starts_with("now-")) {
    const base::StatusOr<int64_t> ago_ns = ParseAgoNs(text.substr(4));
    if (!ago_ns.ok()) return NotATime(text);
    return now_ns > *ago_ns ? now_ns - *ago_ns : 0;
  }
  if (const base::StatusOr<double> number = base::ParseNumber(text); number.ok()) {
    constexpr double kLeastMilliseconds = 1e11;
    const double seconds = *number >= kLeastMilliseconds ? *number / 1000 : *number;
    if (!(seconds >= 0 && seconds <= kMaxSeconds)) return NotATime(text);
    // Whole seconds apart: a double does not hold the nanoseconds of today.
    const double whole = std::floor(seconds);
    return static_cast<int64_t>(whole) * 1'000'000'000 +
           static_cast<int64_t>(std::round((seconds - whole) * 1e6) * (kNs / 1e6));
  }
  if (const std::optional<int64_t> time_ns = ParseRfc3339Ns(text)) return *time_ns;
  return NotATime(text);
}

}  // namespace podo::serve
