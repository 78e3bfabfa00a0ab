// SPDX-License-Identifier: Apache-2.0
// Which of a profile's sample types is meant.
#ifndef PODO_LIB_ENCODE_SAMPLE_TYPE_H_
#define PODO_LIB_ENCODE_SAMPLE_TYPE_H_

#include <cstddef>
#include <string_view>

#include "base/status.h"
#include "model/profile.h"

namespace podo::encode {

// Index into `profile.sample_types` of the type called `name` ("cpu", "inuse_space"). With "" the
// profile's default_sample_type or, if that is unset or unknown, its last type, as pprof does.
// NotFound names the types there are.
base::StatusOr<size_t> FindSampleType(const model::Profile& profile, std::string_view name);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_SAMPLE_TYPE_H_
