// SPDX-License-Identifier: Apache-2.0
// Samples added up by key.
#ifndef PODO_LIB_HISTORY_SUMS_H_
#define PODO_LIB_HISTORY_SUMS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "history/windows.h"
#include "model/saturating.h"

namespace podo::history {

// Costs 4 bytes a key up to the largest, and a WindowSample each that was added.
class Sums {
 public:
  void Add(const WindowSample& sample) {
    if (sample.key >= places_.size()) {
      places_.resize(std::max<size_t>(sample.key + size_t{1}, places_.size() * 2));
    }
    uint32_t& place = places_[sample.key];
    if (place == 0) {
      samples_.push_back(sample);
      place = static_cast<uint32_t>(samples_.size());
      return;
    }
    WindowSample& sum = samples_[place - 1];
    sum.count = model::SaturatingAdd(sum.count, sample.count);
    sum.cpu_ns = model::SaturatingAdd(sum.cpu_ns, sample.cpu_ns);
  }
  bool empty() const { return samples_.empty(); }
  const base::PageVector<WindowSample>& samples() const { return samples_; }
  size_t bytes() const {
    return places_.capacity() * sizeof(uint32_t) + samples_.capacity() * sizeof(WindowSample);
  }
  // Ascending by key; empty afterwards, and ready for the next.
  base::PageVector<WindowSample> Take() {
    for (const WindowSample& s : samples_) places_[s.key] = 0;
    std::sort(samples_.begin(), samples_.end(),
              [](const WindowSample& a, const WindowSample& b) { return a.key < b.key; });
    return std::exchange(samples_, {});
  }

 private:
  base::PageVector<uint32_t> places_;  // in samples_, from 1 on; by key
  base::PageVector<WindowSample> samples_;
};

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_SUMS_H_
