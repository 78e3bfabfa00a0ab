// SPDX-License-Identifier: Apache-2.0
// Profile -> push.v1 PushRequest messages of Grafana Pyroscope: gzipped pprof with series labels.
//
// A Pyroscope refuses a whole push for one label that is too long, and drops without an error what
// it does not like in a sample. So what it would drop is mended or left out here: label names are
// made those of Prometheus ("service.name" becomes service_name), values above 2048 bytes are cut,
// labels beyond the 30th are left out, '-' in the name of a sample type becomes '_', values below 0
// become 0.
#ifndef PODO_LIB_ENCODE_PYROSCOPE_ENCODER_H_
#define PODO_LIB_ENCODE_PYROSCOPE_ENCODER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "model/profile.h"

namespace podo::encode {

using LabelPair = std::pair<std::string, std::string>;

struct PyroscopeOptions {
  // Of the series, the most wanted first. service.name (or service_name) gives the service; it is
  // unknown_service without. Names that begin with "__" are Pyroscope's own and are left out.
  std::vector<LabelPair> labels;
  // Of the first push; those that follow derive theirs from it. Written as a UUID.
  std::array<uint8_t, 16> push_id{};
  // Pyroscope's default limits for one profile.
  size_t max_samples = 16'000;
  size_t max_profile_bytes = size_t{4} << 20;  // the pprof message before gzip
};

struct PyroscopePush {
  std::string bytes;
  size_t samples = 0;
};

// `labels` as a series has them: sanitized, unique, sorted, with __name__, service_name and
// __delta__=false; at most 30.
std::vector<LabelPair> SeriesLabels(const model::Profile& profile,
                                    const std::vector<LabelPair>& labels);

// The pushes that together hold the profile: mostly one, none if no sample has a value above 0. A
// push with a single sample may pass max_profile_bytes. Pure; equal arguments give equal bytes.
// Fails only when out of memory.
base::StatusOr<std::vector<PyroscopePush>> EncodePyroscope(const model::Profile& profile,
                                                           const PyroscopeOptions& options);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_PYROSCOPE_ENCODER_H_
