// SPDX-License-Identifier: Apache-2.0
#include "base/parse_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "base/status.h"

namespace podo::base {
namespace {

constexpr char kDurationAccepted[] = "a duration such as 250us, 500ms, 10s, 2m or 1h";
constexpr char kSizeAccepted[] = "a size in bytes such as 123, 16KiB, 64MiB or 1GiB";
constexpr char kListAccepted[] =
    "a list such as key=value,key=value, with comma, equals sign and percent in a value written as "
    "%2C, %3D and %25";

// A bound on what an environment can make Start() spend: look-up in the list is linear.
constexpr size_t kMaxPairs = 256;

struct Unit {
  std::string_view name;
  uint64_t factor;
};
constexpr Unit kDurationUnits[] = {
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60ull * 1'000'000'000},
    {"h", 3600ull * 1'000'000'000},
};
constexpr Unit kSizeUnits[] = {
    {"", 1},
    {"kib", uint64_t{1} << 10},
    {"mib", uint64_t{1} << 20},
    {"gib", uint64_t{1} << 30},
    {"tib", uint64_t{1} << 40},
};

// The number at the start of `text`, which is moved behind it. No sign, no exponent, no "inf".
template <typename Number>
std::optional<Number> TakeNumber(std::string_view& text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  Number number{};
  const char* end = text.data() + digits;
  const auto [stop, error] = [&] {
    if constexpr (std::is_floating_point_v<Number>) {
      return std::from_chars(text.data(), end, number, std::chars_format::fixed);
    } else {
      return std::from_chars(text.data(), end, number);
    }
  }();
  if (error != std::errc() || stop != end) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

template <size_t kCount>
const Unit* FindUnit(const Unit (&units)[kCount], std::string_view name) {
  const auto* found =
      std::find_if(units, units + kCount, [&](const Unit& unit) { return unit.name == name; });
  return found == units + kCount ? nullptr : found;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One "key=value" of a list.
StatusOr<KeyValue> ParseMember(std::string_view member) {
  const size_t equals = member.find('=');
  if (equals == std::string_view::npos) return InvalidArgumentError(kListAccepted);
  StatusOr<std::string> key = PercentDecode(TrimBlanks(member.substr(0, equals)));
  StatusOr<std::string> value = PercentDecode(TrimBlanks(member.substr(equals + 1)));
  if (!key.ok() || !value.ok() || key->empty()) return InvalidArgumentError(kListAccepted);
  return KeyValue{*std::move(key), *std::move(value)};
}

}  // namespace

std::string_view TrimBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string ToLowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

StatusOr<int64_t> ParseDurationNs(std::string_view text) {
  text = TrimBlanks(text);
  if (text == "0") return 0;
  const std::optional<double> count = TakeNumber<double>(text);
  const Unit* unit = FindUnit(kDurationUnits, TrimBlanks(text));
  if (!count || unit == nullptr) return InvalidArgumentError(kDurationAccepted);
  const double ns = *count * static_cast<double>(unit->factor);
  // 2^63 is exact as a double; anything below it converts without overflow.
  if (!(ns < 0x1p63)) return InvalidArgumentError(kDurationAccepted);
  return static_cast<int64_t>(std::llround(ns));
}

StatusOr<uint64_t> ParseSizeBytes(std::string_view text) {
  text = TrimBlanks(text);
  const std::optional<uint64_t> count = TakeNumber<uint64_t>(text);
  const Unit* unit = FindUnit(kSizeUnits, ToLowerAscii(TrimBlanks(text)));
  if (!count || unit == nullptr || *count > std::numeric_limits<uint64_t>::max() / unit->factor) {
    return InvalidArgumentError(kSizeAccepted);
  }
  return *count * unit->factor;
}

StatusOr<bool> ParseBool(std::string_view text) {
  const std::string lower = ToLowerAscii(TrimBlanks(text));
  if (lower == "true" || lower == "1") return true;
  if (lower == "false" || lower == "0") return false;
  return InvalidArgumentError("true, false, 1 or 0");
}

StatusOr<int64_t> ParseInteger(std::string_view text) {
  text = TrimBlanks(text);
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return InvalidArgumentError("a whole number");
  return number;
}

StatusOr<double> ParseNumber(std::string_view text) {
  text = TrimBlanks(text);
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !std::isfinite(number)) {
    return InvalidArgumentError("a number such as 100 or 99.5");
  }
  return number;
}

StatusOr<double> ParsePercent(std::string_view text) {
  constexpr char kAccepted[] = "a percentage such as 1% or 0.5%";
  text = TrimBlanks(text);
  if (text.empty() || text.back() != '%') return InvalidArgumentError(kAccepted);
  text.remove_suffix(1);
  const StatusOr<double> number = ParseNumber(text);
  if (!number.ok() || *number < 0 || *number > 100) return InvalidArgumentError(kAccepted);
  return *number / 100;
}

StatusOr<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return InvalidArgumentError("percent-encoded text, a percent sign written as %25");
    }
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

StatusOr<std::vector<KeyValue>> ParseKeyValueList(std::string_view text) {
  std::vector<KeyValue> list;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view member = TrimBlanks(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (member.empty()) continue;
    StatusOr<KeyValue> parsed = ParseMember(member);
    if (!parsed.ok()) return parsed.status();
    const auto same = std::find_if(list.begin(), list.end(),
                                   [&](const KeyValue& other) { return other.key == parsed->key; });
    if (same != list.end()) {
      same->value = std::move(parsed->value);
    } else if (list.size() < kMaxPairs) {
      list.push_back(*std::move(parsed));
    } else {
      return InvalidArgumentError("a list of at most 256 key=value pairs");
    }
  }
  return list;
}

}  // namespace podo::base
