// SPDX-License-Identifier: Apache-2.0
// Several profiles of one program as one: a side of a difference from the windows of a time range.
#ifndef PODO_LIB_TOOLS_MERGE_FILES_H_
#define PODO_LIB_TOOLS_MERGE_FILES_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/profile.h"
#include "model/profile_builder.h"

namespace podo::tools {

// A span of time, Unix epoch. By default all of it.
struct TimeRange {
  int64_t from_ns = std::numeric_limits<int64_t>::min();
  int64_t until_ns = std::numeric_limits<int64_t>::max();

  // True if all of the profile was recorded within: one that reaches over an end would bring what
  // the range is meant to leave out.
  bool Holds(const model::Profile& profile) const;
};

// "1700000000.25" (seconds since the Unix epoch, as `date +%s.%N` prints) as ns.
std::optional<int64_t> ParseUnixSeconds(std::string_view text);

// Adds up profiles. Not thread-safe.
class ProfileSum {
 public:
  // Refuses a profile whose sample types are not those of the first one.
  base::Status Add(const model::Profile& profile);
  bool empty() const { return !builder_.has_value(); }
  // Only if not empty; leaves it unusable.
  model::Profile Take() { return builder_->Take(); }

 private:
  std::optional<model::ProfileBuilder> builder_;
};

}  // namespace podo::tools

#endif  // PODO_LIB_TOOLS_MERGE_FILES_H_
