// SPDX-License-Identifier: Apache-2.0
// The part of a profile that carries the labels asked for.
#ifndef PODO_LIB_ENCODE_LABEL_FILTER_H_
#define PODO_LIB_ENCODE_LABEL_FILTER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "model/profile.h"

namespace podo::encode {

struct LabelWish {
  std::string key;
  std::string value;
};

// "endpoint=/pay?a=b": up to the first '='.
base::StatusOr<LabelWish> ParseLabelWish(std::string_view text);

// NotFound unless some profile has a sample with each key; names the keys there are.
base::Status CheckLabelKeys(absl::Span<const model::Profile* const> profiles,
                            const std::vector<std::string>& keys);

// NotFound unless some profile has a sample for each wish; names the keys, or some values there
// are.
base::Status CheckLabelWishes(absl::Span<const model::Profile* const> profiles,
                              const std::vector<LabelWish>& wishes);

// `profile` with only the samples that have, for every key wished for, one of its wished values.
// What no kept sample needs is emptied, so that no label of the others is passed on. Pure.
model::Profile KeepLabelled(model::Profile profile, const std::vector<LabelWish>& wishes);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_LABEL_FILTER_H_
