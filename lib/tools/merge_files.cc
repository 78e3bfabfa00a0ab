// SPDX-License-Identifier: Apache-2.0
#include "tools/merge_files.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/merge.h"

namespace podo::tools {
namespace {

using model::Profile;

std::vector<std::pair<std::string_view, std::string_view>> TypesOf(const Profile& profile) {
  std::vector<std::pair<std::string_view, std::string_view>> types;
  for (const model::ValueType& type : profile.sample_types) {
    types.emplace_back(profile.String(type.type), profile.String(type.unit));
  }
  return types;
}

std::string Text(const std::vector<std::pair<std::string_view, std::string_view>>& types) {
  std::string text;
  for (const auto& [type, unit] : types) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", std::string(type), " in ", std::string(unit));
  }
  return text;
}

}  // namespace

bool TimeRange::Holds(const Profile& profile) const {
  if (profile.time_ns < from_ns || profile.time_ns > until_ns) return false;
  // time + duration <= until, without the sum: a file may hold any numbers.
  return profile.duration_ns <= 0 || until_ns == std::numeric_limits<int64_t>::max() ||
         static_cast<uint64_t>(profile.duration_ns) <=
             static_cast<uint64_t>(until_ns) - static_cast<uint64_t>(profile.time_ns);
}

std::optional<int64_t> ParseUnixSeconds(std::string_view text) {
  double seconds = 0;
  // 2^63 ns are 9.22e9 s, the year 2262. Negated so that a NaN is refused.
  if (!absl::SimpleAtod(absl::string_view(text.data(), text.size()), &seconds) ||
      !(seconds >= 0 && seconds <= 9.2e9)) {
    return std::nullopt;
  }
  return static_cast<int64_t>(seconds * 1e9);
}

base::Status ProfileSum::Add(const Profile& profile) {
  const auto types = TypesOf(profile);
  if (!builder_) {
    builder_.emplace(types);
  } else if (const auto first = TypesOf(builder_->profile()); types != first) {
    return base::InvalidArgumentError(absl::StrCat(
        "sample types ", Text(types), "; accepted: those of the first profile, ", Text(first)));
  }
  model::MergeProfile(profile, &*builder_);
  return base::OkStatus();
}

}  // namespace podo::tools
