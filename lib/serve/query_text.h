// SPDX-License-Identifier: Apache-2.0
// The target of a request, taken apart: path and parameters. Foreign bytes.
#ifndef PODO_LIB_SERVE_QUERY_TEXT_H_
#define PODO_LIB_SERVE_QUERY_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/parse_value.h"
#include "base/status.h"

namespace podo::serve {

// Decoded; parameters in the order given, names may come again.
struct Target {
  std::string path;
  std::string query;  // as received
  std::vector<base::KeyValue> parameters;

  // The last one called `name`, or null.
  const std::string* Find(std::string_view name) const;
};

// "/api/v1/labels?from=now-1h&label.endpoint=/pay": '+' in a query is a blank, as in forms. At most
// 100 parameters. An error says what is wrong and what is accepted.
base::StatusOr<Target> ParseTarget(std::string_view target);

// "1767225600", "1767225600.5" (seconds), "1767225600000" (milliseconds, from 10^11 on),
// "2026-01-01T00:00:00Z" (RFC 3339), "now", "now-90s", "now-3h" (units ms s m h d). Unix
// nanoseconds. The error says what is accepted.
base::StatusOr<int64_t> ParseTime(std::string_view text, int64_t now_ns);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_QUERY_TEXT_H_
