// SPDX-License-Identifier: Apache-2.0
#include "history/history.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "history/open_chapter.h"
#include "history/ring.h"
#include "history/snapshot.h"
#include "history/store.h"

namespace podo::history {
namespace {

// Beyond it a chapter's windows would be of too different ages.
constexpr int64_t kMaxChapterNs = 3'600'000'000'000;

}  // namespace

class History::State {
 public:
  explicit State(Options options)
      : options_(std::move(options)), limits_(LimitsOf(options_.max_bytes)) {
    if (options_.directory.empty()) return;
    store_ = std::make_unique<Store>(options_.directory, options_.service, options_.max_bytes);
  }

  void Add(const model::Profile& profile) {
    TakeOver();
    const std::lock_guard writing(writing_);
    {
      const std::lock_guard lock(mutex_);
      open_->Record(profile);
      ++added_;
    }
    if (store_ != nullptr) {
      store_->Journal(open_.get());
      CountDisk();
    } else {
      open_->interner.TakeChanged();
    }
    const size_t bytes = open_->bytes();
    if (bytes >= limits_.open_bytes || bytes + ring_.bytes() > options_.max_bytes ||
        open_->summary.duration_ns >= kMaxChapterNs) {
      Close();
    }
  }

  Snapshot Now() {
    TakeOver();
    Snapshot snapshot;
    auto open = std::make_shared<Contents>();
    const std::lock_guard lock(mutex_);
    for (const KeptChapter& kept : ring_.chapters) snapshot.chapters.push_back(kept.chapter);
    open->tables = open_->interner.tables();
    open->streams = open_->streams;
    snapshot.open = std::move(open);
    snapshot.open_summary = open_->summary;
    return snapshot;
  }

  HistoryStats Stats() {
    TakeOver();
    HistoryStats stats;
    const std::lock_guard lock(mutex_);
    stats.bytes = ring_.bytes() + open_->bytes();
    stats.disk_bytes = disk_bytes_;
    stats.windows_added = added_;
    stats.windows_merged = ring_.windows_merged;
    stats.windows_dropped = ring_.windows_dropped;
    for (const KeptChapter& kept : ring_.chapters) Count(kept.chapter->summary(), &stats);
    Count(open_->summary, &stats);
    return stats;
  }

 private:
  static void Count(const ChapterSummary& summary, HistoryStats* stats) {
    if (summary.windows == 0) return;
    if (stats->windows == 0) stats->begin_ns = summary.oldest_begin_ns;
    stats->end_ns = summary.newest_end_ns;
    stats->windows += summary.windows;
  }

  // What earlier runs left on the disk comes before all that is added, so it is read by whoever is
  // first to ask or to add.
  void TakeOver() {
    if (store_ == nullptr || was_taken_over_.load(std::memory_order_acquire)) return;
    const std::lock_guard writing(writing_);
    if (was_taken_over_.load(std::memory_order_relaxed)) return;  // under the lock
    Store::Found found = store_->TakeOver(limits_.closed_bytes);
    Ring ring;
    ring.chapters = std::move(found.chapters);
    ring.windows_dropped = found.dropped;
    const size_t chapters = ring.chapters.size();
    MakeRoom(limits_, 0, &ring);
    if (ring.chapters.size() != chapters) store_->Sync(ring.chapters);
    {
      const std::lock_guard lock(mutex_);
      ring_ = std::move(ring);
    }
    CountDisk();
    // Releases ring_ and all else for the acquire above.
    was_taken_over_.store(true, std::memory_order_release);
  }

  void CountDisk() {
    const std::lock_guard lock(mutex_);
    disk_bytes_ = store_->bytes();
  }

  // The chapter in the making is made, and room for it. Questions go on meanwhile.
  void Close() {
    const base::StatusOr<ChapterPtr> chapter =
        Chapter::Pack(open_->interner.tables(), open_->streams);
    Ring ring = ring_;
    if (chapter.ok()) {
      ring.chapters.push_back({*chapter, 0});
    } else {
      ring.windows_dropped += open_->summary.covered;
    }
    auto next = std::make_unique<OpenChapter>();
    {
      const std::lock_guard lock(mutex_);
      ring_ = ring;
      open_.swap(next);
    }
    next.reset();  // before more memory is needed
    MakeRoom(limits_, 0, &ring);
    {
      const std::lock_guard lock(mutex_);
      ring_ = ring;
    }
    if (store_ == nullptr) return;
    store_->Sync(ring.chapters);
    CountDisk();
  }

  const Options options_;
  const RingLimits limits_;
  std::atomic<bool> was_taken_over_ = false;
  std::mutex writing_;  // held all the while by whoever changes what follows
  std::mutex mutex_;    // and this for moments, by whoever changes or reads it
  std::unique_ptr<OpenChapter> open_ = std::make_unique<OpenChapter>();
  Ring ring_;
  uint64_t added_ = 0;
  uint64_t disk_bytes_ = 0;
  std::unique_ptr<Store> store_;  // null: memory only. Used under writing_ alone
};

History::History(Options options) : state_(std::make_unique<State>(std::move(options))) {}
History::~History() = default;

void History::Add(const model::Profile& profile) { state_->Add(profile); }

base::StatusOr<ProfileAnswer> History::Profile(const Query& query) const {
  return AnswerProfile(state_->Now(), query);
}

base::StatusOr<Timeline> History::CpuTimeline(const TimelineQuery& query) const {
  return AnswerTimeline(state_->Now(), query);
}

base::StatusOr<std::vector<LabelKey>> History::Labels(const Query& query, size_t max_values) const {
  return AnswerLabels(state_->Now(), query, max_values);
}

HistoryStats History::Stats() const { return state_->Stats(); }

}  // namespace podo::history
