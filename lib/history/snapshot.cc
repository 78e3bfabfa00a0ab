// SPDX-License-Identifier: Apache-2.0
#include "history/snapshot.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace podo::history {
namespace {

// Which label sets of a chapter match; each is looked at once.
class LabelFilter {
 public:
  LabelFilter(const Tables& tables, const std::vector<LabelMatch>& matches)
      : tables_(tables), matches_(matches), known_(tables.label_set_ends.size(), kUnknown) {}

  bool Takes(uint32_t label_set) {
    char& known = known_[label_set];
    if (known == kUnknown) {
      known = std::all_of(matches_.begin(), matches_.end(),
                          [&](const LabelMatch& m) { return Matches(m, label_set); });
    }
    return known != 0;
  }

 private:
  static constexpr char kUnknown = 2;
  bool Matches(const LabelMatch& match, uint32_t label_set) const {
    const std::string value = LabelText(tables_, label_set, match.key);
    return std::find(match.values.begin(), match.values.end(), value) != match.values.end() ||
           (match.pattern && match.pattern(value));
  }

  const Tables& tables_;
  const std::vector<LabelMatch>& matches_;
  std::vector<char> known_;
};

void Count(const WindowHead& head, Resolution* r) {
  r->from_ns = r->windows == 0 ? head.begin_ns : std::min(r->from_ns, head.begin_ns);
  r->until_ns = r->windows == 0 ? head.end_ns : std::max(r->until_ns, head.end_ns);
  r->longest_window_ns = std::max(r->longest_window_ns, head.span_ns());
  r->folded = r->folded || head.is_folded;
  ++r->windows;
}

}  // namespace

base::Status TooMuchToAnswer(size_t bytes) {
  return base::ResourceExhaustedError(
      absl::StrCat("the answer needs ", bytes >> 20, " MiB; accepted: up to ",
                   kMaxAnswerBytes >> 20, " MiB. Ask for a shorter range or for fewer labels"));
}

base::StatusOr<std::shared_ptr<const Contents>> Snapshot::Open(size_t i) const {
  if (i >= chapters.size()) return open;
  base::StatusOr<std::unique_ptr<const Contents>> contents = chapters[i]->Open();
  if (!contents.ok()) return contents.status();
  return std::shared_ptr<const Contents>(*std::move(contents));
}

base::Status VisitWindows(const Snapshot& snapshot, const Query& query, WindowVisitor* visitor,
                          Resolution* resolution) {
  base::PageVector<WindowSample> samples;
  for (size_t i = 0; i < snapshot.size(); ++i) {
    if (!snapshot.summary(i).MayBeginIn(query.from_ns, query.until_ns)) continue;
    const base::StatusOr<std::shared_ptr<const Contents>> opened = snapshot.Open(i);
    if (!opened.ok()) return opened.status();
    const Contents& contents = **opened;
    LabelFilter filter(contents.tables, query.labels);
    visitor->Begin(contents);
    WindowReader reader(contents.streams, contents.tables.keys.size());
    for (WindowHead head; reader.Next(&head);) {
      if (head.begin_ns < query.from_ns || head.begin_ns >= query.until_ns) {
        reader.Skip(head);
        continue;
      }
      reader.Samples(head, &samples);
      if (!query.labels.empty()) {
        std::erase_if(samples, [&](const WindowSample& s) {
          return !filter.Takes(contents.tables.keys[s.key].label_set);
        });
      }
      Count(head, resolution);
      visitor->Visit(contents, head, samples);
    }
    if (base::Status failed = visitor->End(contents); !failed.ok()) return failed;
  }
  return base::OkStatus();
}

}  // namespace podo::history
