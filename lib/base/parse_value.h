// SPDX-License-Identifier: Apache-2.0
// Text of a setting -> its value: durations, sizes, booleans, numbers, percentages, key=value
// lists.
//
// Pure functions. Blanks around a value are ignored. An error is StatusCode::kInvalidArgument
// and its message says only what is accepted, never the text itself: the text may be a secret, and
// only the caller knows.
#ifndef PODO_LIB_BASE_PARSE_VALUE_H_
#define PODO_LIB_BASE_PARSE_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace podo::base {

// `text` without blanks (space, tab, line ends) at either end.
std::string_view TrimBlanks(std::string_view text);

// ASCII letters made lower case; other bytes stay.
std::string ToLowerAscii(std::string_view text);

// "250us", "500ms", "10s", "1.5m", "1h", "80ns", and "0". Never negative. A number without a unit
// is refused: seconds and milliseconds are both plausible.
StatusOr<int64_t> ParseDurationNs(std::string_view text);

// "123" (bytes), "16KiB", "64MiB", "1GiB", "2TiB"; the unit in any case. Decimal units ("64MB") are
// refused rather than guessed at.
StatusOr<uint64_t> ParseSizeBytes(std::string_view text);

// "true", "false", "1", "0", in any case.
StatusOr<bool> ParseBool(std::string_view text);

StatusOr<int64_t> ParseInteger(std::string_view text);

// A finite decimal number, "." as the point whatever the locale.
StatusOr<double> ParseNumber(std::string_view text);

// "1%" -> 0.01; from 0% to 100%. The sign is demanded: a bare 1 could mean all or a hundredth.
StatusOr<double> ParsePercent(std::string_view text);

// %XX -> byte. A '%' without two hex digits is an error.
StatusOr<std::string> PercentDecode(std::string_view text);

struct KeyValue {
  std::string key;
  std::string value;
  bool operator==(const KeyValue&) const = default;
};

// "k=v,k=v" as OTEL_RESOURCE_ATTRIBUTES has it: keys and values percent-decoded, blanks around both
// ignored, the first '=' divides, of equal keys the last wins (at the first one's place), empty
// members are skipped, at most 256 pairs. Any error discards the whole list, as OpenTelemetry
// demands.
StatusOr<std::vector<KeyValue>> ParseKeyValueList(std::string_view text);

}  // namespace podo::base

#endif  // PODO_LIB_BASE_PARSE_VALUE_H_
