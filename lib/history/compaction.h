// SPDX-License-Identifier: Apache-2.0
// Chapters into fewer and smaller ones, by adding up neighbouring windows.
#ifndef PODO_LIB_HISTORY_COMPACTION_H_
#define PODO_LIB_HISTORY_COMPACTION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "history/chapter.h"

namespace podo::history {

// Windows of `from`, which are neighbours in the order of recording, added up until each is about
// `window_ns` long, and folded; 0: as they are. Windows with a gap or a step of the clock between
// them stay apart. Tables hold only what is still referred to. Working memory: what was unpacked,
// and some times `open_bytes`, beyond which a further chapter is begun.
base::StatusOr<std::vector<ChapterPtr>> Compact(absl::Span<const ChapterPtr> from,
                                                int64_t window_ns, size_t open_bytes);

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_COMPACTION_H_
