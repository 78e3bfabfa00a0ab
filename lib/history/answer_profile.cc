// SPDX-License-Identifier: Apache-2.0
// The profile of a range.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "history/interner.h"
#include "history/recorder.h"
#include "history/snapshot.h"
#include "history/sums.h"
#include "history/translation.h"
#include "model/saturating.h"

namespace podo::history {
namespace {

// Every window of podo's has a comment of its own; a day of them would be a book.
constexpr size_t kMaxComments = 64;

class Merging final : public WindowVisitor {
 public:
  void Visit(const Contents& contents, const WindowHead& head,
             absl::Span<const WindowSample> samples) override {
    for (const WindowSample& s : samples) of_chapter_.Add(s);
    if (time_ns_ == 0 || (head.begin_ns != 0 && head.begin_ns < time_ns_)) {
      time_ns_ = head.begin_ns;
    }
    duration_ns_ = model::SaturatingAdd(duration_ns_, head.duration_ns);
    period_ns_ = std::max(period_ns_, head.period_ns);
    for (const uint32_t comment : head.comments) AddComment(contents.tables.String(comment));
  }

  base::Status End(const Contents& contents) override {
    Translation translation(contents.tables, &into_);
    translation.MainFirst();
    for (const WindowSample& s : of_chapter_.Take()) {
      sums_.Add({translation.Key(s.key), s.count, s.cpu_ns});
      if (into_.bytes() + sums_.bytes() > kMaxAnswerBytes) {
        return TooMuchToAnswer(into_.bytes() + sums_.bytes());
      }
    }
    return base::OkStatus();
  }

  Interner* into() { return &into_; }

  base::StatusOr<model::Profile> Finish() {
    const uint32_t cpu = into_.AddString("cpu"), nanoseconds = into_.AddString("nanoseconds");
    const uint32_t samples = into_.AddString("samples"), count = into_.AddString("count");
    std::vector<model::StringId> comments;
    for (const std::string& text : comments_) {
      comments.push_back(model::StringId{into_.AddString(text)});
    }
    const base::PageVector<WindowSample> sums = sums_.Take();
    const Tables tables = into_.Take();
    const size_t bytes = ProfileBytes(tables, sums) + tables.bytes();
    if (bytes > kMaxAnswerBytes) return TooMuchToAnswer(bytes);
    model::Profile profile = ToProfile(tables, sums);
    const model::ValueType cpu_type = {model::StringId{cpu}, model::StringId{nanoseconds}};
    profile.sample_types = {{model::StringId{samples}, model::StringId{count}}, cpu_type};
    profile.period_type = cpu_type;
    profile.default_sample_type = cpu_type.type;
    profile.period = period_ns_;
    profile.time_ns = time_ns_;
    profile.duration_ns = duration_ns_;
    profile.comments = std::move(comments);
    return profile;
  }

 private:
  void AddComment(std::string_view text) {
    if (comments_.size() < kMaxComments &&
        std::find(comments_.begin(), comments_.end(), text) == comments_.end()) {
      comments_.emplace_back(text);
    }
  }

  Interner into_;
  Sums of_chapter_, sums_;
  std::vector<std::string> comments_;
  int64_t time_ns_ = 0, duration_ns_ = 0, period_ns_ = 0;
};

bool HasUnnamed(const Tables& tables) {
  return std::any_of(tables.locations.begin(), tables.locations.end(),
                     [](const LocationRow& row) { return row.mapping != 0 && row.lines == 0; });
}

}  // namespace

base::StatusOr<ProfileAnswer> AnswerProfile(const Snapshot& snapshot, const Query& query) {
  ProfileAnswer answer;
  Merging merging;
  if (base::Status failed = VisitWindows(snapshot, query, &merging, &answer.resolution);
      !failed.ok()) {
    return failed;
  }
  // Names may have come in windows that are not asked for; the newest know most.
  bool unnamed = HasUnnamed(merging.into()->tables());
  for (size_t i = snapshot.size(); i > 0 && unnamed; --i) {
    if (snapshot.summary(i - 1).MayBeginIn(query.from_ns, query.until_ns)) continue;  // was read
    const base::StatusOr<std::shared_ptr<const Contents>> contents = snapshot.Open(i - 1);
    if (!contents.ok()) return contents.status();
    unnamed = AddLateNames((*contents)->tables, merging.into());
  }
  base::StatusOr<model::Profile> profile = merging.Finish();
  if (!profile.ok()) return profile.status();
  answer.profile = *std::move(profile);
  return answer;
}

}  // namespace podo::history
