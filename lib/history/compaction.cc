// SPDX-License-Identifier: Apache-2.0
#include "history/compaction.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "history/folding.h"
#include "history/interner.h"
#include "history/sums.h"
#include "history/translation.h"
#include "model/saturating.h"

namespace podo::history {
namespace {

// A group of windows may be so many parts of its length too long or too short: ten windows of 6.1 s
// are a minute.
constexpr int64_t kTolerance = 8;

// Comments that both have, in the order of `a`: what they say of the service, not of one window.
std::vector<uint32_t> InBoth(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  std::vector<uint32_t> both;
  for (const uint32_t comment : a) {
    if (std::find(b.begin(), b.end(), comment) != b.end()) both.push_back(comment);
  }
  return both;
}

class Compactor {
 public:
  Compactor(int64_t window_ns, size_t open_bytes)
      : window_ns_(window_ns), open_bytes_(open_bytes) {}

  base::Status Add(const Chapter& chapter) {
    base::StatusOr<std::unique_ptr<const Contents>> contents = chapter.Open();
    if (!contents.ok()) return contents.status();
    const Contents& c = **contents;
    auto translation = std::make_unique<Translation>(c.tables, into_.get());
    translation->MainFirst();
    WindowReader reader(c.streams, c.tables.keys.size());
    base::PageVector<WindowSample> samples;
    for (WindowHead head; reader.Next(&head);) {
      reader.Samples(head, &samples);
      // Stacks that are never seen again make a group end early, for the sake of memory.
      if (!Joins(head) || into_->bytes() > 2 * open_bytes_) EndGroup();
      if (group_.covered == 0 && into_->bytes() + streams_.bytes() > open_bytes_) {
        if (base::Status failed = EndChapter(); !failed.ok()) return failed;
        translation = std::make_unique<Translation>(c.tables, into_.get());
        translation->MainFirst();
      }
      for (uint32_t& comment : head.comments) comment = translation->String(comment);
      Join(head);
      for (const WindowSample& s : samples) {
        sums_.Add({translation->Key(s.key), s.count, s.cpu_ns});
      }
    }
    return base::OkStatus();
  }

  base::StatusOr<std::vector<ChapterPtr>> Finish() {
    EndGroup();
    if (base::Status failed = EndChapter(); !failed.ok()) return failed;
    return std::move(made_);
  }

 private:
  bool Joins(const WindowHead& head) const {
    if (group_.covered == 0) return true;
    if (window_ns_ == 0) return false;
    const int64_t together = model::SaturatingAdd(group_.duration_ns, head.duration_ns);
    const int64_t gap = head.begin_ns / 2 - group_.end_ns / 2;  // halves: no overflow
    return together <= window_ns_ + window_ns_ / kTolerance &&
           std::abs(gap) <= window_ns_ / kTolerance / 2;
  }
  void Join(const WindowHead& head) {
    if (group_.covered == 0) {
      group_ = head;
      return;
    }
    group_.duration_ns = model::SaturatingAdd(group_.duration_ns, head.duration_ns);
    group_.end_ns = std::max(group_.end_ns, head.end_ns);
    group_.begin_ns = std::min(group_.begin_ns, head.begin_ns);
    group_.period_ns = std::max(group_.period_ns, head.period_ns);
    group_.covered += head.covered;
    group_.is_folded = group_.is_folded || head.is_folded;
    group_.comments = InBoth(group_.comments, head.comments);
    grouped_ = true;
  }
  void EndGroup() {
    if (group_.covered == 0) return;
    base::PageVector<WindowSample> samples = sums_.Take();
    // A window that met no other is no coarser than it was.
    if (grouped_ && Fold(into_.get(), &samples)) group_.is_folded = true;
    streams_.Append(group_, samples);
    group_ = WindowHead{.covered = 0};
    grouped_ = false;
  }

  // Once more, for the rows alone that the windows still refer to.
  base::Status EndChapter() {
    if (streams_.windows == 0) return base::OkStatus();
    const Tables all = into_->Take();
    into_ = std::make_unique<Interner>();
    Contents kept;
    {
      Translation translation(all, into_.get());
      translation.MainFirst();
      WindowReader reader(streams_, all.keys.size());
      base::PageVector<WindowSample> samples;
      for (WindowHead head; reader.Next(&head);) {
        reader.Samples(head, &samples);
        for (WindowSample& s : samples) s.key = translation.Key(s.key);
        for (uint32_t& comment : head.comments) comment = translation.String(comment);
        std::sort(samples.begin(), samples.end(),
                  [](const WindowSample& a, const WindowSample& b) { return a.key < b.key; });
        kept.streams.Append(head, samples);
      }
    }
    kept.tables = into_->Take();
    into_ = std::make_unique<Interner>();
    streams_ = {};
    base::StatusOr<ChapterPtr> chapter = Chapter::Pack(kept.tables, kept.streams);
    if (!chapter.ok()) return chapter.status();
    made_.push_back(*std::move(chapter));
    return base::OkStatus();
  }

  const int64_t window_ns_;
  const size_t open_bytes_;
  std::unique_ptr<Interner> into_ = std::make_unique<Interner>();
  Streams streams_;
  WindowHead group_ = {.covered = 0};
  bool grouped_ = false;
  Sums sums_;
  std::vector<ChapterPtr> made_;
};

}  // namespace

base::StatusOr<std::vector<ChapterPtr>> Compact(absl::Span<const ChapterPtr> from,
                                                int64_t window_ns, size_t open_bytes) {
  Compactor compactor(window_ns, open_bytes);
  for (const ChapterPtr& chapter : from) {
    if (base::Status failed = compactor.Add(*chapter); !failed.ok()) return failed;
  }
  return compactor.Finish();
}

}  // namespace podo::history
