// SPDX-License-Identifier: Apache-2.0
// Tables and windows <-> bytes. A whole chapter is one record; a journal is a record of what is new
// after each window. docs/history.md has the format.
#ifndef PODO_LIB_HISTORY_CHAPTER_CODEC_H_
#define PODO_LIB_HISTORY_CHAPTER_CODEC_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"
#include "history/interner.h"
#include "history/tables.h"
#include "history/windows.h"

namespace podo::history {

// What a chapter holds.
struct Contents {
  Tables tables = Tables::Empty();
  Streams streams;
};

// How much of a chapter was written before.
struct Written {
  Interner::Marks marks;
  uint32_t windows = 0;
  size_t heads = 0, keys = 0, counts = 0, cpus = 0;  // bytes of the streams
};
Written AllOf(const Tables& tables, const Streams& streams);

// zstd of everything beyond `written`, and of what changed below. `level` is zstd's.
base::StatusOr<std::string> PackRecord(const Tables& tables, const Streams& streams,
                                       const Written& written, const Interner::Changed& changed,
                                       int level);

// Adds a record to `contents`, which hold what was written before it. The input may be hostile:
// afterwards all numbers of rows are within their tables, and windows are whole. DataLoss, and
// `contents` are spent, if they are not. ResourceExhausted above kMaxUnpackedBytes.
base::Status UnpackRecord(std::string_view packed, Contents* contents);

// Of one record: twice what a chapter in the making takes (kMaxOpenBytes), hash tables included.
inline constexpr size_t kMaxUnpackedBytes = size_t{16} << 20;

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_CHAPTER_CODEC_H_
