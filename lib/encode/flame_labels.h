// SPDX-License-Identifier: Apache-2.0
// The label sets of a flame-graph page: those of all its profiles under one numbering.
#ifndef PODO_LIB_ENCODE_FLAME_LABELS_H_
#define PODO_LIB_ENCODE_FLAME_LABELS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/hash_map.h"
#include "encode/flame_frames.h"
#include "model/profile.h"

namespace podo::encode {

// Set 0 is the empty one. Traces and spans are counted, not listed: they differ from request to
// request, so they would make the page as large as the traffic and filter nothing of interest.
class FlameLabels {
 public:
  // `frames` holds the strings.
  explicit FlameLabels(FlameFrames* frames) : frames_(frames) { Number({}); }

  // For each label set of `profile` its number in the page; 0 for a set that no sample has.
  std::vector<uint32_t> AddAll(const model::Profile& profile);

  // Packed: for each set from 1 the number of its labels, then key and value of each.
  std::string Packed() const;

 private:
  uint32_t Add(const model::Profile& profile, const model::LabelSet& set);
  uint32_t Number(std::vector<uint32_t> pairs);

  FlameFrames* frames_;
  std::vector<std::vector<uint32_t>> sets_;  // key, value, key, value, ...; keys are distinct
  base::HashMap<std::vector<uint32_t>, uint32_t> ids_;
};

struct FlameLinks {
  size_t traces = 0;  // distinct
  size_t spans = 0;
};

FlameLinks CountLinks(const model::Profile& profile);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_FLAME_LABELS_H_
