// SPDX-License-Identifier: Apache-2.0
#include "capture/fde_order.h"

#include <algorithm>
#include <array>
#include <utility>

namespace podo::capture {
namespace {

struct Key {
  uint32_t pc_offset;
  uint32_t index;
};

constexpr uint32_t kDigitBits =
    11;  // three passes for 32 bits; the counters fit a first-level cache
constexpr uint32_t kDigitMask = (1u << kDigitBits) - 1;

void SortByDigit(const std::vector<Key>& from, uint32_t shift, std::vector<Key>* to) {
  std::array<uint32_t, kDigitMask + 1> next{};
  for (const Key& key : from) ++next[(key.pc_offset >> shift) & kDigitMask];
  uint32_t position = 0;
  for (uint32_t& count : next) position += std::exchange(count, position);
  for (const Key& key : from) (*to)[next[(key.pc_offset >> shift) & kDigitMask]++] = key;
}

}  // namespace

std::vector<uint32_t> OrderByAddress(const std::vector<FdeRef>& fdes, uint64_t start) {
  std::vector<Key> keys(fdes.size());
  for (uint32_t i = 0; i < keys.size(); ++i) {
    keys[i] = {static_cast<uint32_t>(fdes[i].pc_begin - start), i};
  }
  const auto before = [](const Key& a, const Key& b) { return a.pc_offset < b.pc_offset; };
  if (!std::is_sorted(keys.begin(), keys.end(), before)) {
    std::vector<Key> other(keys.size());
    for (uint32_t shift = 0; shift < 32; shift += kDigitBits) {
      SortByDigit(keys, shift, &other);
      keys.swap(other);
    }
  }
  std::vector<uint32_t> order(keys.size());
  for (uint32_t i = 0; i < keys.size(); ++i) order[i] = keys[i].index;
  return order;
}

}  // namespace podo::capture
