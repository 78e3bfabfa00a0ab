// SPDX-License-Identifier: Apache-2.0
#include "descend.h"

namespace podo::bench {
void RunPlain(Block* block) { Descend<kDepth - 2>(block); }
}  // namespace podo::bench
