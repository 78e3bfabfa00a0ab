// SPDX-License-Identifier: Apache-2.0
#include "encode/flame_tree.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace podo::encode {
namespace {

// A hostile file can ask for billions of frames with few bytes (long inline lists on long stacks).
constexpr size_t kMaxDepth = 4096;  // far above PODO_MAX_FRAMES and what a screen can show
constexpr size_t kMaxSteps = size_t{32} << 20;  // 384 MiB of steps; a large real profile has 3 Mi

// A sample with its path, before the tree stands.
struct Placed {
  size_t path;
  FlameSample sample;
};

class PathTable {
 public:
  explicit PathTable(FlameFrames* frames) : frames_(frames) {}

  // Adds the paths of all stacks of `profile`, root first; returns the number of the first.
  size_t AddStacks(const model::Profile& profile) {
    const size_t first = starts_.size() - 1;
    const auto locations = frames_->AddLocations(profile);
    for (const model::Stack& stack : profile.stacks) {
      AddStack(stack, locations);
      starts_.push_back(steps_.size());
    }
    if (profile.stacks.empty()) AddEmpty("[no stack]"), starts_.push_back(steps_.size());
    return first;
  }

  absl::Span<const FlameStep> Path(size_t i) const {
    return absl::MakeSpan(steps_.data() + starts_[i], starts_[i + 1] - starts_[i]);
  }

 private:
  void AddEmpty(std::string_view name) { steps_.push_back(frames_->AddNamed(name)); }

  void AddStack(const model::Stack& stack, const std::vector<std::vector<FlameStep>>& locations) {
    if (steps_.size() >= kMaxSteps) return AddEmpty("[not shown: the profile is too large]");
    const size_t begin = steps_.size();
    for (const model::LocationId id : stack.locations) {
      if (model::Index(id) >= locations.size()) continue;
      const auto& steps = locations[model::Index(id)];
      for (size_t i = steps.size(); i-- > 0;) {
        if (steps_.size() - begin >= kMaxDepth) {
          AddEmpty("[cut: deeper than 4096 frames]");
          std::reverse(steps_.begin() + static_cast<ptrdiff_t>(begin), steps_.end());
          return;
        }
        steps_.push_back(steps[i]);
      }
    }
    if (steps_.size() == begin) AddEmpty("[no stack]");
    std::reverse(steps_.begin() + static_cast<ptrdiff_t>(begin), steps_.end());
  }

  FlameFrames* frames_;
  std::vector<FlameStep> steps_;
  std::vector<size_t> starts_ = {0};
};

int64_t AddSaturated(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

std::vector<Placed> PlaceSamples(absl::Span<const FlameInput> inputs, size_t shown,
                                 PathTable* paths, FlameFrames* frames) {
  std::vector<Placed> placed;
  for (uint32_t number = 0; number < inputs.size(); ++number) {
    const FlameInput& input = inputs[number];
    const model::Profile& profile = *input.profile;
    const size_t first_path = paths->AddStacks(profile);
    const size_t width = profile.sample_types.size();
    for (size_t i = 0; i < profile.samples.size(); ++i) {
      if (width == 0 || (i + 1) * width > profile.values.size()) break;
      const model::Sample& sample = profile.samples[i];
      const size_t stack = model::Index(sample.stack);
      Placed p{.path = first_path + (stack < profile.stacks.size() ? stack : 0), .sample = {}};
      p.sample.profile = number;
      const size_t labels = model::Index(sample.labels);
      p.sample.label_set = labels < input.label_ids.size() ? input.label_ids[labels] : 0;
      for (const size_t column : input.columns) {
        p.sample.values.push_back(profile.ValuesOf(i)[column]);
      }
      if (shown < input.columns.size()) {
        frames->CountLines(paths->Path(p.path), p.sample.values[shown]);
      }
      placed.push_back(std::move(p));
    }
  }
  return placed;
}

bool FrameLess(const FlameStep& a, const FlameStep& b) { return a.frame < b.frame; }

size_t CommonLength(absl::Span<const FlameStep> a, absl::Span<const FlameStep> b) {
  size_t n = 0;
  while (n < a.size() && n < b.size() && a[n].frame == b[n].frame) ++n;
  return n;
}

void AppendSample(FlameTree* tree, FlameSample sample) {
  if (!tree->samples.empty()) {
    FlameSample& last = tree->samples.back();
    if (last.node == sample.node && last.profile == sample.profile &&
        last.label_set == sample.label_set) {
      for (size_t i = 0; i < last.values.size(); ++i) {
        last.values[i] = AddSaturated(last.values[i], sample.values[i]);
      }
      return;
    }
  }
  tree->samples.push_back(std::move(sample));
}

}  // namespace

FlameTree BuildFlameTree(absl::Span<const FlameInput> inputs, size_t shown, FlameFrames* frames) {
  PathTable paths(frames);
  std::vector<Placed> placed = PlaceSamples(inputs, shown, &paths, frames);
  // In the order of their paths, neighbours share their longest prefix: the tree grows in preorder
  // without a hash table of nodes.
  std::sort(placed.begin(), placed.end(), [&paths](const Placed& a, const Placed& b) {
    if (a.path != b.path) {
      const auto pa = paths.Path(a.path), pb = paths.Path(b.path);
      if (std::lexicographical_compare(pa.begin(), pa.end(), pb.begin(), pb.end(), FrameLess)) {
        return true;
      }
      if (std::lexicographical_compare(pb.begin(), pb.end(), pa.begin(), pa.end(), FrameLess)) {
        return false;
      }
    }
    return std::tie(a.sample.profile, a.sample.label_set) <
           std::tie(b.sample.profile, b.sample.label_set);
  });

  FlameTree tree;
  tree.nodes.push_back({.parent = 0, .frame = 0, .inlined = false});
  std::vector<uint32_t> branch = {0};  // node numbers from the root to the last sample
  absl::Span<const FlameStep> last;
  for (Placed& p : placed) {
    const auto path = paths.Path(p.path);
    const size_t common = CommonLength(last, path);
    branch.resize(common + 1);
    for (size_t i = 0; i < common; ++i) tree.nodes[branch[i + 1]].inlined &= path[i].inlined;
    for (size_t i = common; i < path.size(); ++i) {
      tree.nodes.push_back(
          {.parent = branch.back(), .frame = path[i].frame, .inlined = path[i].inlined});
      branch.push_back(static_cast<uint32_t>(tree.nodes.size() - 1));
    }
    p.sample.node = branch.back();
    AppendSample(&tree, std::move(p.sample));
    last = path;
  }
  return tree;
}

}  // namespace podo::encode
