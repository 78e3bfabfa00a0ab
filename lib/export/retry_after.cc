// SPDX-License-Identifier: Apache-2.0
// Retry-After, by hand: strptime reads names of months in the locale of the host.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/parse_value.h"
#include "export/send_outcome.h"

namespace podo::exporting {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kDaySeconds = 24 * 3600;

// Reads a text from its left end; once something was not there, all else is not there either.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && rest_.empty(); }

  // A number of `min` to `max` digits.
  int Number(size_t min, size_t max) {
    size_t digits = 0;
    int value = 0;
    while (digits < std::min(max, rest_.size()) && rest_[digits] >= '0' && rest_[digits] <= '9') {
      value = value * 10 + (rest_[digits++] - '0');
    }
    Advance(digits >= min ? digits : std::string_view::npos);
    return value;
  }
  void Expect(std::string_view text) {
    Advance(rest_.starts_with(text) ? text.size() : std::string_view::npos);
  }
  // 1 to 12.
  int Month() {
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const size_t at = rest_.size() < 3 ? std::string_view::npos : kMonths.find(rest_.substr(0, 3));
    const bool found = at != std::string_view::npos && at % 3 == 0;
    Advance(found ? 3 : std::string_view::npos);
    return found ? static_cast<int>(at / 3) + 1 : 0;
  }
  // Letters: the day of the week, which says nothing new.
  void Word() {
    const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_letter);
    Advance(end == rest_.begin() ? std::string_view::npos : end - rest_.begin());
  }
  bool StartsWith(char c) const { return ok_ && rest_.starts_with(c); }

 private:
  void Advance(size_t count) {
    if (!ok_) return;
    ok_ = count != std::string_view::npos;
    if (ok_) rest_.remove_prefix(count);
  }

  std::string_view rest_;
  bool ok_ = true;
};

struct Date {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

void ReadTime(Scanner* scan, Date* date) {
  date->hour = scan->Number(2, 2);
  scan->Expect(":");
  date->minute = scan->Number(2, 2);
  scan->Expect(":");
  date->second = scan->Number(2, 2);
}

// Unix seconds of "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT" or
// "Sun Nov  6 08:49:37 1994".
std::optional<int64_t> ParseHttpDate(std::string_view text, int64_t now_seconds) {
  Scanner scan(text);
  Date date;
  scan.Word();
  if (scan.StartsWith(',')) {
    scan.Expect(", ");
    date.day = scan.Number(2, 2);
    const bool has_short_year = scan.StartsWith('-');
    scan.Expect(has_short_year ? "-" : " ");
    date.month = scan.Month();
    scan.Expect(has_short_year ? "-" : " ");
    date.year = has_short_year ? scan.Number(2, 2) : scan.Number(4, 4);
    if (has_short_year) {  // RFC 9110: of the years that fit, not more than 50 ahead
      const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(
          std::chrono::sys_seconds(std::chrono::seconds(now_seconds)))};
      const int this_year = static_cast<int>(today.year());
      date.year += this_year / 100 * 100;
      if (date.year > this_year + 50) date.year -= 100;
    }
    scan.Expect(" ");
    ReadTime(&scan, &date);
    scan.Expect(" GMT");
  } else {
    scan.Expect(" ");
    date.month = scan.Month();
    scan.Expect(" ");
    if (scan.StartsWith(' ')) scan.Expect(" ");
    date.day = scan.Number(1, 2);
    scan.Expect(" ");
    ReadTime(&scan, &date);
    scan.Expect(" ");
    date.year = scan.Number(4, 4);
  }
  if (!scan.AtEnd() || date.day < 1 || date.day > 31 || date.hour > 23 || date.minute > 59 ||
      date.second > 60) {
    return std::nullopt;
  }
  // A 31st of a shorter month is the 1st of the next, a 60th second the next minute's first.
  const std::chrono::sys_days first{std::chrono::year(date.year) / date.month / 1};
  return std::chrono::sys_seconds(first).time_since_epoch().count() + (date.day - 1) * kDaySeconds +
         date.hour * 3600 + date.minute * 60 + date.second;
}

}  // namespace

std::optional<int64_t> ParseRetryAfterNs(std::string_view text, int64_t now_wall_ns) {
  text = base::TrimBlanks(text);
  if (text.empty() || text.size() > 64) return std::nullopt;
  int64_t seconds = 0;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    const auto end = text.data() + text.size();
    // More digits than fit in a number are a day, too.
    if (std::from_chars(text.data(), end, seconds).ec != std::errc()) seconds = kDaySeconds;
  } else {
    const int64_t now_seconds = now_wall_ns / kSecondNs;
    const std::optional<int64_t> date = ParseHttpDate(text, now_seconds);
    if (!date) return std::nullopt;
    seconds = *date - now_seconds;
  }
  return std::clamp(seconds, int64_t{0}, kDaySeconds) * kSecondNs;
}

}  // namespace podo::exporting
