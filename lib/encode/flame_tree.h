// SPDX-License-Identifier: Apache-2.0
// The stacks of one or two profiles as one prefix tree with the samples at its nodes.
#ifndef PODO_LIB_ENCODE_FLAME_TREE_H_
#define PODO_LIB_ENCODE_FLAME_TREE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "encode/flame_frames.h"
#include "model/profile.h"

namespace podo::encode {

// Nodes stand in preorder: node 0 is the root (of no frame), a node's first child follows it.
struct FlameNode {
  uint32_t parent = 0;
  uint32_t frame = 0;
  bool inlined = true;  // in every stack that runs through it
};

struct FlameSample {
  uint32_t profile = 0;  // 0, 1: the number of the profile in the page
  uint32_t node = 0;
  uint32_t label_set = 0;
  std::vector<int64_t> values;  // one per sample type of the page
};

struct FlameTree {
  std::vector<FlameNode> nodes;
  std::vector<FlameSample> samples;  // ordered by node; equal (profile, node, labels) added up
};

// What one profile of the page brings along.
struct FlameInput {
  const model::Profile* profile;
  std::vector<size_t> columns;      // for each sample type of the page, its number in `profile`
  std::vector<uint32_t> label_ids;  // for each label set of `profile`, its number in the page
};

// `shown` is the sample type by which hot lines are weighed.
FlameTree BuildFlameTree(absl::Span<const FlameInput> inputs, size_t shown, FlameFrames* frames);

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_FLAME_TREE_H_
