// SPDX-License-Identifier: Apache-2.0
#include "history/ring.h"

#include <algorithm>
#include <utility>

#include "absl/types/span.h"
#include "base/status.h"
#include "history/compaction.h"
#include "model/saturating.h"

namespace podo::history {
namespace {

// Windows stay as they are until they are so many times as old as they are long, come what may: ten
// seconds for three minutes, a minute for twenty, ten minutes for three hours.
constexpr double kMinAge = 20;
constexpr size_t kMinOpenBytes = 16 << 10;
constexpr size_t kMaxOpenBytes = 8 << 20;  // and so is what hostile files may claim (chapter_codec)

uint64_t WindowsOf(absl::Span<const KeptChapter> chapters) {
  uint64_t windows = 0;
  for (const KeptChapter& kept : chapters) windows += kept.chapter->summary().windows;
  return windows;
}

// The least level that makes the chapter's windows longer; kLevels if there is none.
int NextLevel(const KeptChapter& kept) {
  const int64_t mean_ns = kept.chapter->summary().MeanWindowNs();
  int level = kept.level + 1;
  while (level < kLevels && kLevelNs[level] < mean_ns + mean_ns / 2) ++level;
  return level;
}

// The chapter to be made coarser next, or -1.
int Choose(const Ring& ring, int64_t open_duration_ns) {
  int chosen = -1;
  double most = kMinAge;
  auto age_ns = static_cast<double>(open_duration_ns);
  for (int i = static_cast<int>(ring.chapters.size()) - 1; i >= 0; --i) {
    const ChapterSummary& summary = ring.chapters[i].chapter->summary();
    const auto duration_ns = static_cast<double>(summary.duration_ns);
    const double age = (age_ns + duration_ns / 2) /
                       static_cast<double>(std::max<int64_t>(summary.MeanWindowNs(), 1));
    age_ns += duration_ns;
    if (NextLevel(ring.chapters[i]) < kLevels && age >= most) {
      most = age;
      chosen = i;
    }
  }
  return chosen;
}

void DropOldest(Ring* ring) {
  ring->windows_dropped += ring->chapters.front().chapter->summary().covered;
  ring->chapters.erase(ring->chapters.begin());
}

// Puts [begin, end) together at `level`. What cannot be read any more is dropped.
void Replace(const RingLimits& limits, size_t begin, size_t end, int level, int64_t window_ns,
             Ring* ring) {
  const auto first = ring->chapters.begin() + static_cast<ptrdiff_t>(begin);
  const auto last = ring->chapters.begin() + static_cast<ptrdiff_t>(end);
  std::vector<ChapterPtr> from;
  for (auto it = first; it != last; ++it) from.push_back(it->chapter);
  const uint64_t windows =
      WindowsOf(absl::MakeConstSpan(ring->chapters).subspan(begin, end - begin));
  const base::StatusOr<std::vector<ChapterPtr>> made = Compact(from, window_ns, limits.open_bytes);
  std::vector<KeptChapter> coarse;
  if (made.ok()) {
    for (const ChapterPtr& chapter : *made) coarse.push_back({chapter, level});
    ring->windows_merged += windows - WindowsOf(coarse);
  } else {
    for (const ChapterPtr& chapter : from) {
      ring->windows_dropped += chapter->summary().covered;
    }
  }
  ring->chapters.insert(ring->chapters.erase(first, last), coarse.begin(), coarse.end());
}

// Together with neighbours, since tables are shared and windows of several chapters may have to
// come together to be as long as they should.
void MakeCoarser(const RingLimits& limits, size_t i, Ring* ring) {
  const std::vector<KeptChapter>& all = ring->chapters;
  const int level = NextLevel(all[i]);
  size_t begin = i, end = i + 1;
  size_t bytes = all[i].chapter->packed().size();
  int64_t duration_ns = all[i].chapter->summary().duration_ns;
  const auto take = [&](const KeptChapter& kept, int least_level) {
    const size_t size = kept.chapter->packed().size();
    // What is coarse already only if it is no larger: or it would be written again and again.
    if (kept.level < least_level || kept.level > level || bytes + size > limits.merge_bytes ||
        (kept.level == level && size > bytes)) {
      return false;
    }
    bytes += size;
    duration_ns = model::SaturatingAdd(duration_ns, kept.chapter->summary().duration_ns);
    return true;
  };
  while (begin > 0 && take(all[begin - 1], all[i].level)) --begin;
  while (end < all.size() && duration_ns < kLevelNs[level] && take(all[end], all[i].level)) ++end;
  Replace(limits, begin, end, level, kLevelNs[level], ring);
}

// Puts small neighbours together until there are few chapters: many short runs leave many.
void JoinSmall(const RingLimits& limits, Ring* ring) {
  for (size_t begin = 0; begin < ring->chapters.size() && ring->chapters.size() > limits.chapters;
       ++begin) {
    size_t end = begin, bytes = 0;
    int level = kLevels;
    for (; end < ring->chapters.size(); ++end) {
      bytes += ring->chapters[end].chapter->packed().size();
      if (bytes > limits.join_bytes) break;
      level = std::min(level, ring->chapters[end].level);
    }
    if (end > begin + 1) Replace(limits, begin, end, level, 0, ring);
  }
}

}  // namespace

size_t Ring::bytes() const {
  size_t bytes = chapters.capacity() * sizeof(KeptChapter);
  for (const KeptChapter& kept : chapters) bytes += kept.chapter->bytes();
  return bytes;
}

RingLimits LimitsOf(uint64_t max_bytes) {
  RingLimits limits;
  limits.open_bytes = std::clamp<uint64_t>(max_bytes / 6, kMinOpenBytes, kMaxOpenBytes);
  limits.closed_bytes = max_bytes - std::min<uint64_t>(max_bytes, max_bytes / 4);
  limits.merge_bytes = std::min<uint64_t>(max_bytes / 12, 2 << 20);
  limits.join_bytes = limits.open_bytes / 10;
  return limits;
}

void MakeRoom(const RingLimits& limits, int64_t open_duration_ns, Ring* ring) {
  if (ring->chapters.size() > limits.chapters) JoinSmall(limits, ring);
  while (!ring->chapters.empty() && ring->bytes() > limits.closed_bytes) {
    const int chosen = Choose(*ring, open_duration_ns);
    if (chosen < 0) {
      DropOldest(ring);
    } else {
      MakeCoarser(limits, static_cast<size_t>(chosen), ring);
    }
  }
}

}  // namespace podo::history
