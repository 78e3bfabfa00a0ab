// SPDX-License-Identifier: Apache-2.0
// Orders FDEs by address without moving them.
#ifndef PODO_LIB_CAPTURE_FDE_ORDER_H_
#define PODO_LIB_CAPTURE_FDE_ORDER_H_

#include <cstdint>
#include <vector>

#include "capture/eh_records.h"

namespace podo::capture {

// Indices into `fdes`, rising by pc_begin, equal ones in section order. All pc_begin must be less
// than 4 GiB above `start`. A radix sort: libLLVM has 95 k FDEs in no order, for which std::sort
// takes a fifth of the whole build.
std::vector<uint32_t> OrderByAddress(const std::vector<FdeRef>& fdes, uint64_t start);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_FDE_ORDER_H_
