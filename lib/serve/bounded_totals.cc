// SPDX-License-Identifier: Apache-2.0
#include "serve/bounded_totals.h"

#include <algorithm>
#include <utility>

namespace podo::serve {

// Gives away the place that has been idle longest.
bool BoundedTotals::MakeRoom() {
  if (places_.size() < limits_.places) return true;
  const auto idlest =
      std::max_element(places_.begin(), places_.end(),
                       [](const auto& a, const auto& b) { return a.second.idle < b.second.idle; });
  if (idlest == places_.end() || idlest->second.idle < limits_.idle_windows) return false;
  places_.erase(idlest);
  return true;
}

void BoundedTotals::Add(const std::vector<std::pair<std::string, int64_t>>& values, int64_t total) {
  if (total <= 0) return;
  for (auto& [name, place] : places_) ++place.idle;
  std::vector<std::pair<int64_t, const std::string*>> newcomers;
  for (const auto& [name, value] : values) {
    const double share = static_cast<double>(value) / static_cast<double>(total);
    if (const auto place = places_.find(name); place != places_.end()) {
      place->second.sum += value;
      if (share >= limits_.small_share) place->second.idle = 0;
    } else if (share >= limits_.least_share) {
      newcomers.emplace_back(value, &name);
    }
  }
  // The largest first, of equal ones by name, so that equal windows give equal places.
  std::sort(newcomers.begin(), newcomers.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : *a.second < *b.second;
  });
  for (const auto& [value, name] : newcomers) {
    if (!MakeRoom()) return;
    places_[*name] = {value, 0};
  }
}

std::vector<std::pair<std::string, int64_t>> BoundedTotals::Sums() const {
  std::vector<std::pair<std::string, int64_t>> sums;
  for (const auto& [name, place] : places_) sums.emplace_back(name, place.sum);
  return sums;
}

}  // namespace podo::serve
