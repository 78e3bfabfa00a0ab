// SPDX-License-Identifier: Apache-2.0
// One chapter <-> the bytes of one file. Pure.
//
//   offset  size
//        0     8  "PODOHIS\x1a"
//        8     4  version of the format, 1; all numbers are little-endian
//       12     4  level: how coarse its windows are
//       16     8  order among the chapters of a service
//       24     4  n, the number of files that it stands for
//       28   8 n  their run and seq: whoever sees one of them beside this file forgets it
//    28+8n     8  beginning of the SHA-256 of all above
//                 then records, of which a journal has one a window:
//              4  size of the body
//              8  beginning of the SHA-256 of the body
//                 the body: zstd (chapter_codec.h)
//
// What is cut off at the end of the file was never written: the process died.
#ifndef PODO_LIB_HISTORY_CHAPTER_FILE_H_
#define PODO_LIB_HISTORY_CHAPTER_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "history/chapter.h"

namespace podo::history {

struct FileId {
  uint32_t run = 0, seq = 0;
  auto operator<=>(const FileId&) const = default;
};

struct ChapterFileHead {
  int level = 0;
  uint64_t order = 0;
  std::vector<FileId> replaces;
};

struct ChapterFile {
  ChapterFileHead head;
  ChapterPtr chapter;       // null if there is no window
  bool is_damaged = false;  // after what was read
};

inline constexpr size_t kMaxFileBytes = size_t{64} << 20;
inline constexpr size_t kMaxReplaced = 4096;

std::string EncodeFileHead(const ChapterFileHead& head);
// `packed` is what PackRecord() made.
std::string EncodeFileRecord(std::string_view packed);

// Errors: InvalidArgument if it is no such file, Unimplemented if it is of a later version,
// DataLoss if the head is damaged. Bytes may be hostile; memory stays bounded.
base::StatusOr<ChapterFile> DecodeChapterFile(std::string_view bytes);

// Writes the checksums of what is there; for tests, which make files no encoder makes.
void SealChapterFile(std::string* bytes);

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_CHAPTER_FILE_H_
