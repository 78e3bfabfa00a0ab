// SPDX-License-Identifier: Apache-2.0
// What each value of each label cost, as text for a terminal: whose CPU was it.
#ifndef PODO_LIB_ENCODE_LABEL_TABLE_H_
#define PODO_LIB_ENCODE_LABEL_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/profile.h"

namespace podo::encode {

struct LabelRow {
  std::optional<std::string> value;  // none: the samples without this label
  int64_t before = 0;                // 0 where only one profile is looked at
  int64_t after = 0;
};

// A row for each value of `key` on samples of `before` (may be null) or `after`, and one for the
// samples without it if there are any; the largest of either first. Types are indices into
// sample_types. Pure.
std::vector<LabelRow> LabelRows(const model::Profile* before, size_t before_type,
                                const model::Profile& after, size_t after_type,
                                std::string_view key);

// For each key a table of at most `limit` values, the rest as one line; of trace_id and span_id
// only how many there are. Control characters become spaces.
std::string LabelTableText(const model::Profile& profile, size_t type, size_t limit);

// The same with the shares of both profiles, each of its own total, and the change.
std::string LabelChangesText(const model::Profile& before, size_t before_type,
                             const model::Profile& after, size_t after_type, size_t limit);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_LABEL_TABLE_H_
