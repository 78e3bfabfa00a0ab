// SPDX-License-Identifier: Apache-2.0
#include "encode/write_order.h"

#include <algorithm>
#include <numeric>

namespace podo::encode {

using model::Index;
using model::LocationId;

WriteOrder OrderToCompress(const model::Profile& profile) {
  const auto stack_of = [&](uint32_t sample) -> const std::vector<LocationId>& {
    return profile.stacks[Index(profile.samples[sample].stack)].locations;
  };
  std::vector<bool> used(profile.locations.size());
  for (uint32_t i = 0; i < profile.samples.size(); ++i) {
    for (const LocationId id : stack_of(i)) used[Index(id)] = true;
  }
  WriteOrder order;
  for (uint32_t i = 1; i < used.size(); ++i) {
    if (used[i]) order.locations.push_back(i);
  }
  std::stable_sort(order.locations.begin(), order.locations.end(), [&](uint32_t a, uint32_t b) {
    return profile.locations[a].address < profile.locations[b].address;
  });
  std::vector<uint32_t> rank(profile.locations.size());
  for (uint32_t i = 0; i < order.locations.size(); ++i) rank[order.locations[i]] = i + 1;

  order.samples.resize(profile.samples.size());
  std::iota(order.samples.begin(), order.samples.end(), 0);
  std::stable_sort(order.samples.begin(), order.samples.end(), [&](uint32_t a, uint32_t b) {
    const auto& x = stack_of(a);
    const auto& y = stack_of(b);
    return std::lexicographical_compare(
        x.rbegin(), x.rend(), y.rbegin(), y.rend(),
        [&](LocationId p, LocationId q) { return rank[Index(p)] < rank[Index(q)]; });
  });
  return order;
}

}  // namespace podo::encode
