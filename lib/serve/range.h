// SPDX-License-Identifier: Apache-2.0
// The parameters that every question about the past takes: range, labels, type.
#ifndef PODO_LIB_SERVE_RANGE_H_
#define PODO_LIB_SERVE_RANGE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "history/query.h"
#include "serve/query_text.h"

namespace podo::serve {

using Predicate = std::function<bool(std::string_view)>;
// A regular expression that must match a whole value; the error says what is wrong with it.
using CompilePattern = std::function<base::StatusOr<Predicate>(std::string_view)>;

// What is wrong with a request, and with which parameter ("" if with none).
struct BadRequest {
  std::string parameter;
  std::string message;
};

// Reads from, until, label.K, label~.K and type of `target`, each with `prefix` before it ("base_"
// for the earlier range of a difference). Without prefix the range is by default the last hour;
// with one both ends are demanded, and labels that are not given are those of `otherwise`.
// Returns false and fills in `bad` if something is not accepted.
bool ReadQuery(const Target& target, std::string_view prefix, const history::Query* otherwise,
               int64_t now_ns, const CompilePattern& compile, history::Query* query,
               BadRequest* bad);

// A whole number from `least` to `most`, `fallback` if there is no such parameter.
bool ReadNumber(const Target& target, std::string_view name, int64_t least, int64_t most,
                int64_t fallback, int64_t* value, BadRequest* bad);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_RANGE_H_
