// SPDX-License-Identifier: Apache-2.0
// The closed chapters, and what becomes of them when there is no room: the older, the coarser.
#ifndef PODO_LIB_HISTORY_RING_H_
#define PODO_LIB_HISTORY_RING_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "history/chapter.h"

namespace podo::history {

// About how long windows are, by level; level 0: as they were added.
inline constexpr int64_t kLevelNs[] = {0, 60'000'000'000, 600'000'000'000, 3'600'000'000'000};
inline constexpr int kLevels = 4;

struct KeptChapter {
  ChapterPtr chapter;
  int level = 0;
};

// Plain values, one thread's.
struct Ring {
  std::vector<KeptChapter> chapters;  // in the order of recording
  uint64_t windows_merged = 0;
  uint64_t windows_dropped = 0;

  size_t bytes() const;
};

struct RingLimits {
  size_t closed_bytes = 0;  // of all chapters
  size_t open_bytes = 0;    // of one in the making
  size_t merge_bytes = 0;   // of what is made coarser in one step
  size_t join_bytes = 0;    // of small chapters put together; unpacked they take about `open_bytes`
  size_t chapters = 64;     // more than this, and small ones are put together
};
// A quarter is for the chapter in the making; compaction, which comes when that is empty, works
// there.
RingLimits LimitsOf(uint64_t max_bytes);

// Makes room, in steps of some 10 ms to 200 ms. What is made coarser next is the chapter whose
// windows are the shortest for their age, so that resolution falls with age; the oldest is dropped
// when all others are as coarse as their age allows. Age is counted in recorded time
// (`open_duration_ns` is that of the chapter in the making), not by the clock, which may be set.
void MakeRoom(const RingLimits& limits, int64_t open_duration_ns, Ring* ring);

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_RING_H_
