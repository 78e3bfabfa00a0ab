// SPDX-License-Identifier: Apache-2.0
// Builds a Profile without duplicates: equal strings, functions, locations, stacks, label sets and
// samples are added once, values of equal samples are added up.
#ifndef PODO_LIB_MODEL_PROFILE_BUILDER_H_
#define PODO_LIB_MODEL_PROFILE_BUILDER_H_

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "base/hash_map.h"
#include "model/ids.h"
#include "model/profile.h"

namespace podo::model {

// Not thread-safe. Costs one hash look-up per call.
class ProfileBuilder {
 public:
  // `sample_types` are (type, unit) pairs.
  explicit ProfileBuilder(
      absl::Span<const std::pair<std::string_view, std::string_view>> sample_types);

  // Invalid UTF-8 is replaced by U+FFFD, since both pprof and OTLP demand valid text.
  StringId AddString(std::string_view text);
  FunctionId AddFunction(const Function& function);
  MappingId AddMapping(const Mapping& mapping);
  LocationId AddLocation(Location location);
  StackId AddStack(absl::Span<const LocationId> leaf_first);
  LabelSetId AddLabelSet(LabelSet labels);
  LinkId AddLink(const Link& link);
  // `values` has one value per sample type; values of an equal (stack, labels, link) add up.
  void AddSample(StackId stack, LabelSetId labels, LinkId link, absl::Span<const int64_t> values);

  // A location for a frame that stands for no address: "[threads blocking SIGPROF]".
  LocationId AddNamedFrame(std::string_view name);

  // Fields that need no interning (times, period, comments) are set here directly.
  Profile& profile() { return profile_; }
  const Profile& profile() const { return profile_; }
  // The finished profile; the builder is empty and unusable afterwards.
  Profile Take() { return std::move(profile_); }

 private:
  using SampleKey = std::tuple<StackId, LabelSetId, LinkId>;
  Profile profile_;
  base::HashMap<std::string, StringId> strings_;
  base::HashMap<std::tuple<StringId, StringId, StringId, int64_t>, FunctionId> functions_;
  base::HashMap<std::string, LocationId> locations_;  // keyed by the location's bytes
  base::HashMap<std::string, StackId> stacks_;        // keyed by the ids' bytes
  base::HashMap<std::string, LabelSetId> label_sets_;
  base::HashMap<std::string, LinkId> links_;
  base::HashMap<SampleKey, size_t> samples_;
};

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_PROFILE_BUILDER_H_
