// SPDX-License-Identifier: Apache-2.0
// Makes a coarse window small: what hardly counts goes into [other], and sums stay what they were.
#ifndef PODO_LIB_HISTORY_FOLDING_H_
#define PODO_LIB_HISTORY_FOLDING_H_

#include <vector>

#include "history/interner.h"
#include "history/windows.h"

namespace podo::history {

// Parts of a window's CPU time below which a label value or a stack is folded.
inline constexpr int64_t kLabelPart = 1000;   // 0.1 %
inline constexpr int64_t kStackPart = 10000;  // 0.01 %

// Values of labels below 0.1 % of the CPU time become the value [other] of their key. Stacks below
// 0.01 % become the frame [other], called by the innermost of their callers that, with the other
// small stacks below it, comes to 0.01 %; if none does, it has no caller. Samples ascend by key
// before and after. True if anything was folded.
bool Fold(Interner* tables, base::PageVector<WindowSample>* samples);

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_FOLDING_H_
