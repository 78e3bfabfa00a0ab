// SPDX-License-Identifier: Apache-2.0
// Sums of values from files: at the ends of int64 they stay there instead of wrapping around.
#ifndef PODO_LIB_MODEL_SATURATING_H_
#define PODO_LIB_MODEL_SATURATING_H_

#include <cstdint>
#include <limits>

namespace podo::model {

inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

}  // namespace podo::model

#endif  // PODO_LIB_MODEL_SATURATING_H_
