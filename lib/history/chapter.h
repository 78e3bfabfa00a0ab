// SPDX-License-Identifier: Apache-2.0
// Some windows with all that they refer to, packed; never changed once made.
#ifndef PODO_LIB_HISTORY_CHAPTER_H_
#define PODO_LIB_HISTORY_CHAPTER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "history/chapter_codec.h"

namespace podo::history {

// What of a chapter is known without opening it.
struct ChapterSummary {
  uint32_t windows = 0;
  uint64_t covered = 0;                                           // windows as they were added
  int64_t first_begin_ns = INT64_MAX, last_begin_ns = INT64_MIN;  // the least and the greatest
  int64_t oldest_begin_ns = 0, newest_end_ns = 0;                 // by order of recording
  int64_t duration_ns = 0;                                        // of all windows

  void Count(const WindowHead& head);
  bool MayBeginIn(int64_t from_ns, int64_t until_ns) const {
    return windows > 0 && last_begin_ns >= from_ns && first_begin_ns < until_ns;
  }
  int64_t MeanWindowNs() const { return windows > 0 ? duration_ns / windows : 0; }
};
ChapterSummary Summarize(const Tables& tables, const Streams& streams);

// zstd's level: smaller by a tenth than level 3, for some 50 ms a chapter, which is made once.
inline constexpr int kChapterLevel = 9;

class Chapter {
 public:
  // Errors: out of memory.
  static base::StatusOr<std::shared_ptr<const Chapter>> Pack(const Tables& tables,
                                                             const Streams& streams);
  // Of bytes that Pack() made, maybe damaged since.
  static base::StatusOr<std::shared_ptr<const Chapter>> FromPacked(std::string packed);

  // Costs about 10 ms a MiB.
  base::StatusOr<std::unique_ptr<const Contents>> Open() const;

  const ChapterSummary& summary() const { return summary_; }
  const std::string& packed() const { return packed_; }
  size_t bytes() const { return sizeof(*this) + packed_.capacity(); }

 private:
  Chapter(std::string packed, const ChapterSummary& summary)
      : packed_(std::move(packed)), summary_(summary) {}

  const std::string packed_;
  const ChapterSummary summary_;
};

using ChapterPtr = std::shared_ptr<const Chapter>;

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_CHAPTER_H_
