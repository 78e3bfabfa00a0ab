// SPDX-License-Identifier: Apache-2.0
// Fuzz target: whatever lies in PODO_HISTORY_DIR is refused with one line or read, and what was
// read can be asked, made coarser and written again.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/compress.h"
#include "history/chapter_file.h"
#include "history/compaction.h"
#include "history/file_name.h"
#include "history/snapshot.h"

namespace {

using namespace podo::history;

void Expect(bool condition, const char* sentence) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", sentence);
  std::abort();
}

void Ask(const ChapterPtr& chapter) {
  Snapshot snapshot;
  snapshot.chapters = {chapter, chapter};
  const auto profile = AnswerProfile(snapshot, {});
  Expect(profile.ok() || podo::base::IsResourceExhausted(profile.status()),
         "a chapter can be asked");
  Query labelled;
  labelled.labels.push_back({"endpoint", {"/pay"}, [](std::string_view v) { return v.empty(); }});
  Expect(AnswerProfile(snapshot, labelled).ok() || !profile.ok(), "with labels too");
  TimelineQuery timeline;
  timeline.by = "endpoint";
  timeline.max_points = 2;
  const auto line = AnswerTimeline(snapshot, timeline);
  Expect(!line.ok() || line->points.size() <= 2, "a timeline has no more points than wanted");
  Expect(AnswerLabels(snapshot, {}, 3).ok(), "labels are listed");
  const auto coarse = Compact(snapshot.chapters, 60'000'000'000, 64 << 10);
  Expect(coarse.ok(), "what was read can be made coarser");
}

void Decode(const std::string& bytes) {
  const auto file = DecodeChapterFile(bytes);
  if (!file.ok()) {
    const auto message = file.status().message();
    Expect(!message.empty() && message.find('\n') == message.npos, "an error is one line");
    return;
  }
  if (file->chapter == nullptr) return;
  const std::string again = EncodeFileHead(file->head) + EncodeFileRecord(file->chapter->packed());
  const auto twice = DecodeChapterFile(again);
  Expect(twice.ok() && !twice->is_damaged && twice->chapter != nullptr &&
             twice->chapter->packed() == file->chapter->packed(),
         "what was read can be written");
  Ask(file->chapter);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string input(reinterpret_cast<const char*>(bytes), size);
  if (const auto name = ParseFileName(input)) {
    Expect(FormatFileName(*name) == input, "a name is written in one way");
  }
  Decode(input);
  SealChapterFile(&input);  // no input would ever pass the checksums by chance
  Decode(input);
  // Nor would it be zstd: the input as what a record holds, after the first byte as records that
  // follow one another.
  const auto packed = podo::base::ZstdCompress(std::string_view(input).substr(size > 0 ? 1 : 0));
  Expect(packed.ok(), "every small record can be packed");
  std::string file = EncodeFileHead({}) + EncodeFileRecord(*packed);
  if (size > 0 && bytes[0] % 2 != 0) file += EncodeFileRecord(*packed);
  Decode(file);
  return 0;
}
