// SPDX-License-Identifier: Apache-2.0
// Profile -> pprof (google/pprof's profile.proto).
//
// Ids are 1..N in order (Parca demands it), string 0 is "", mapping 1 of the model comes first,
// the period type is always written (without it pprof refuses to subtract profiles). Zero values
// of the model's tables and entries nothing refers to are not written; mappings all are. A link
// becomes the labels trace_id (32 hex digits) and span_id (16). A sample has one value a key: of
// equal keys in a label set the last is written, and a link's rather than a label's.
//
// Samples are written in an order that compresses well, not in the profile's order.
#ifndef PODO_LIB_ENCODE_PPROF_ENCODER_H_
#define PODO_LIB_ENCODE_PPROF_ENCODER_H_

#include <string>

#include "base/status.h"
#include "model/profile.h"

namespace podo::encode {

// The bare protobuf message. Pure; equal profiles give equal bytes.
std::string EncodePprof(const model::Profile& profile);

// The same, gzipped, as pprof files are kept on disk and sent. Fails only when out of memory.
base::StatusOr<std::string> EncodePprofGz(const model::Profile& profile);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_PPROF_ENCODER_H_
