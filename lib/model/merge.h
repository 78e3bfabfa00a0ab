// SPDX-License-Identifier: Apache-2.0
// Profiles added up into one: a run from its windows, one side of a difference from several files.
#ifndef PODO_LIB_MODEL_MERGE_H_
#define PODO_LIB_MODEL_MERGE_H_

#include <vector>

#include "model/profile.h"
#include "model/profile_builder.h"

namespace podo::model {

// Adds the samples of `from` to `into`, which must have as many sample types in the same order, and
// widens its time range. Returns, for every mapping of `from`, the mapping's id in `into`. The
// merged time is the earliest, durations add up, the period is the larger one: what pprof does.
// Links tell every request apart: a long run without them stays as small as its stacks and labels.
enum class Links { kKeep, kDrop };
std::vector<MappingId> MergeProfile(const Profile& from, ProfileBuilder* into,
                                    Links links = Links::kKeep);

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_MERGE_H_
