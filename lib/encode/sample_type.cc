// SPDX-License-Identifier: Apache-2.0
#include "encode/sample_type.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace podo::encode {
namespace {

std::optional<size_t> IndexOf(const model::Profile& profile, std::string_view name) {
  for (size_t i = 0; i < profile.sample_types.size(); ++i) {
    if (profile.String(profile.sample_types[i].type) == name) return i;
  }
  return std::nullopt;
}

}  // namespace

base::StatusOr<size_t> FindSampleType(const model::Profile& profile, std::string_view name) {
  if (profile.sample_types.empty()) return base::NotFoundError("no sample types");
  if (name.empty()) {
    const std::string& default_type = profile.String(profile.default_sample_type);
    if (default_type.empty()) return profile.sample_types.size() - 1;
    return IndexOf(profile, default_type).value_or(profile.sample_types.size() - 1);
  }
  if (const auto index = IndexOf(profile, name)) return *index;
  std::string error = absl::StrCat("no sample type \"", std::string(name), "\"; accepted:");
  for (size_t i = 0; i < profile.sample_types.size(); ++i) {
    absl::StrAppend(&error, i == 0 ? " " : ", ", profile.String(profile.sample_types[i].type));
  }
  return base::NotFoundError(error);
}

}  // namespace podo::encode
