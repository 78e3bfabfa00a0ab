// SPDX-License-Identifier: Apache-2.0
// Profile -> folded stacks: "root;caller;leaf 12" lines, as flame-graph scripts read them.
#ifndef PODO_LIB_ENCODE_FOLDED_H_
#define PODO_LIB_ENCODE_FOLDED_H_

#include <cstddef>
#include <string>
#include <vector>

#include "model/profile.h"

namespace podo::encode {

// One line a distinct stack with the sum of sample type `type`, in the order of the text. Inlined
// functions are frames of their own; a frame without a name is module+0xoffset. Inside a name, ';'
// becomes ':' and control characters become spaces, since the format has no escapes. Stacks whose
// sum is 0 are left out. `type` is an index into profile.sample_types; 0 is what podo counts
// samples in.
//
// The values of the labels `by_labels` stand before the stack, as root frames in that order:
// "/pay";
// "[no endpoint]" where a sample has no label of that key, "[empty endpoint]" where it says
// nothing. Other labels are not shown. Pure.
std::string EncodeFolded(const model::Profile& profile, size_t type = 0,
                         const std::vector<std::string>& by_labels = {});

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_FOLDED_H_
