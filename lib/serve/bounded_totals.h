// SPDX-License-Identifier: Apache-2.0
// Sums for a bounded number of names that stay the same names: what a time-series database wants.
#ifndef PODO_LIB_SERVE_BOUNDED_TOTALS_H_
#define PODO_LIB_SERVE_BOUNDED_TOTALS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace podo::serve {

// A name gets a place when it has a large enough share of a window, and keeps it: its sum only
// grows. When all places are taken, one that has been small for long is given to a newcomer; what
// was its sum is gone then, and begins at 0 if it comes again, as counters do after a restart.
// Not thread-safe.
class BoundedTotals {
 public:
  struct Limits {
    size_t places = 100;
    double least_share = 0.005;   // of a window, to get a place
    double small_share = 0.001;   // below it a window counts as idle
    uint32_t idle_windows = 360;  // in a row, until a place may be given away: an hour of 10 s
  };
  explicit BoundedTotals(Limits limits) : limits_(limits) {}

  // One window: what each name has of `total`; names are distinct.
  void Add(const std::vector<std::pair<std::string, int64_t>>& values, int64_t total);

  // By name.
  std::vector<std::pair<std::string, int64_t>> Sums() const;

 private:
  struct Place {
    int64_t sum = 0;
    uint32_t idle = 0;  // windows
  };
  bool MakeRoom();

  const Limits limits_;
  std::map<std::string, Place> places_;
};

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_BOUNDED_TOTALS_H_
