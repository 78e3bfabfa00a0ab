// SPDX-License-Identifier: Apache-2.0
#include "history/chapter.h"

#include <algorithm>
#include <utility>

#include "model/saturating.h"

namespace podo::history {

void ChapterSummary::Count(const WindowHead& head) {
  if (windows == 0) oldest_begin_ns = head.begin_ns;
  newest_end_ns = head.end_ns;
  first_begin_ns = std::min(first_begin_ns, head.begin_ns);
  last_begin_ns = std::max(last_begin_ns, head.begin_ns);
  duration_ns = model::SaturatingAdd(duration_ns, head.duration_ns);
  covered += head.covered;
  ++windows;
}

ChapterSummary Summarize(const Tables& tables, const Streams& streams) {
  ChapterSummary summary;
  WindowReader reader(streams, tables.keys.size());
  for (WindowHead head; reader.Next(&head); reader.Skip(head)) summary.Count(head);
  return summary;
}

base::StatusOr<ChapterPtr> Chapter::Pack(const Tables& tables, const Streams& streams) {
  base::StatusOr<std::string> packed = PackRecord(tables, streams, Written{}, {}, kChapterLevel);
  if (!packed.ok()) return packed.status();
  packed->shrink_to_fit();
  return ChapterPtr(new Chapter(*std::move(packed), Summarize(tables, streams)));
}

base::StatusOr<ChapterPtr> Chapter::FromPacked(std::string packed) {
  Contents contents;
  if (base::Status bad = UnpackRecord(packed, &contents); !bad.ok()) return bad;
  packed.shrink_to_fit();
  return ChapterPtr(new Chapter(std::move(packed), Summarize(contents.tables, contents.streams)));
}

base::StatusOr<std::unique_ptr<const Contents>> Chapter::Open() const {
  auto contents = std::make_unique<Contents>();
  if (base::Status bad = UnpackRecord(packed_, contents.get()); !bad.ok()) return bad;
  return contents;
}

}  // namespace podo::history
