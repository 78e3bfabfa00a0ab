// SPDX-License-Identifier: Apache-2.0
// A sample's link as labels, which is how pprof carries it (and Pyroscope's span profiles expect
// it): trace_id of 32 lower-case hex digits, span_id of 16.
#ifndef PODO_LIB_ENCODE_LINK_LABELS_H_
#define PODO_LIB_ENCODE_LINK_LABELS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/profile.h"

namespace podo::encode {

inline constexpr std::string_view kTraceIdKey = "trace_id";
inline constexpr std::string_view kSpanIdKey = "span_id";

// An id that is all zero is none.
bool IsSetId(std::span<const uint8_t> id);

// Lower-case hex digits.
std::string HexText(std::span<const uint8_t> bytes);

// The link that `labels`, a set of `profile`, name; the labels that say so are taken out. An id of
// another form than above stays a label. Without any the link is zero.
model::Link TakeLink(const model::Profile& profile, model::LabelSet* labels);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_LINK_LABELS_H_
