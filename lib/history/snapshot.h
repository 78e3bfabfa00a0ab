// SPDX-License-Identifier: Apache-2.0
// What a question is answered from: chapters that do not change while the history goes on.
#ifndef PODO_LIB_HISTORY_SNAPSHOT_H_
#define PODO_LIB_HISTORY_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "history/chapter.h"
#include "history/query.h"

namespace podo::history {

// Of all that an answer needs at once. A flame graph of 50,000 distinct stacks, 60 frames deep,
// takes 20 MiB.
inline constexpr size_t kMaxAnswerBytes = size_t{96} << 20;
base::Status TooMuchToAnswer(size_t bytes);

struct Snapshot {
  std::vector<ChapterPtr> chapters;      // in the order of recording
  std::shared_ptr<const Contents> open;  // the newest windows; may be null
  ChapterSummary open_summary;

  size_t size() const { return chapters.size() + (open != nullptr ? 1 : 0); }
  const ChapterSummary& summary(size_t i) const {
    return i < chapters.size() ? chapters[i]->summary() : open_summary;
  }
  base::StatusOr<std::shared_ptr<const Contents>> Open(size_t i) const;
};

// Called for each chapter with windows in the range, in the order of recording.
class WindowVisitor {
 public:
  virtual ~WindowVisitor() = default;
  virtual void Begin(const Contents&) {}
  virtual void Visit(const Contents& contents, const WindowHead& head,
                     absl::Span<const WindowSample> samples) = 0;
  virtual base::Status End(const Contents&) { return base::OkStatus(); }
};

// Visits the samples that match. `resolution` is of all windows in the range, whether or not
// anything in them matches.
base::Status VisitWindows(const Snapshot& snapshot, const Query& query, WindowVisitor* visitor,
                          Resolution* resolution);

base::StatusOr<ProfileAnswer> AnswerProfile(const Snapshot& snapshot, const Query& query);
base::StatusOr<Timeline> AnswerTimeline(const Snapshot& snapshot, const TimelineQuery& query);
base::StatusOr<std::vector<LabelKey>> AnswerLabels(const Snapshot& snapshot, const Query& query,
                                                   size_t max_values);

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_SNAPSHOT_H_
