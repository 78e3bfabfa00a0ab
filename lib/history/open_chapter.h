// SPDX-License-Identifier: Apache-2.0
// The chapter in the making: tables that are found by value, and the newest windows.
#ifndef PODO_LIB_HISTORY_OPEN_CHAPTER_H_
#define PODO_LIB_HISTORY_OPEN_CHAPTER_H_

#include <cstddef>

#include "history/chapter.h"
#include "history/interner.h"
#include "history/recorder.h"
#include "history/windows.h"
#include "model/profile.h"

namespace podo::history {

struct OpenChapter {
  Interner interner;
  Streams streams;
  ChapterSummary summary;

  void Record(const model::Profile& profile) {
    summary.Count(RecordWindow(profile, &interner, &streams));
  }
  size_t bytes() const { return sizeof(*this) + interner.bytes() + streams.bytes(); }
};

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_OPEN_CHAPTER_H_
