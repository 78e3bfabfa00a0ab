// SPDX-License-Identifier: Apache-2.0
// One label key seen across a profile: the value that each sample has for it, as text.
//
// A link counts as the labels trace_id and span_id, which is how it stands in pprof files. Where a
// sample has a key twice, the last value holds, as the innermost scope's does.
#ifndef PODO_LIB_ENCODE_LABEL_COLUMN_H_
#define PODO_LIB_ENCODE_LABEL_COLUMN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/profile.h"

namespace podo::encode {

// The label's value: its string, or "4096 bytes".
std::string LabelText(const model::Profile& profile, const model::Label& label);

// The keys that the profile's samples have, sorted.
std::vector<std::string> LabelKeys(const model::Profile& profile);

struct LabelColumn {
  std::vector<std::string> values;  // distinct; element 0 stands for "no such label"
  std::vector<uint32_t> of_sample;  // index into `values`
};

// A key that no sample has gives a column of zeros. Pure.
LabelColumn ReadLabelColumn(const model::Profile& profile, std::string_view key);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_LABEL_COLUMN_H_
