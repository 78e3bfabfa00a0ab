// SPDX-License-Identifier: Apache-2.0
// Windows as four streams of numbers, one after the other in the order of recording.
//
// Numbers of one kind stand together, because they compress better so: heads, keys (ascending, as
// differences), counts, CPU times. CPU times are not written where each is its count times the
// window's period, as it is in a window of podo's that was never merged.
#ifndef PODO_LIB_HISTORY_WINDOWS_H_
#define PODO_LIB_HISTORY_WINDOWS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/page_allocator.h"
#include "history/varint.h"

namespace podo::history {

struct WindowHead {
  int64_t begin_ns = 0;     // Unix epoch
  int64_t duration_ns = 0;  // of all windows in it
  int64_t end_ns = 0;       // of the last one in it
  int64_t period_ns = 0;
  uint64_t covered = 1;  // windows as they were added
  bool is_folded = false;
  uint32_t samples = 0;
  std::vector<uint32_t> comments;  // strings

  int64_t span_ns() const { return end_ns - begin_ns; }
};

struct WindowSample {
  uint32_t key = 0;
  int64_t count = 0;
  int64_t cpu_ns = 0;
};

struct Streams {
  base::PageString heads, keys, counts, cpus;
  uint32_t windows = 0;
  int64_t last_end_ns = 0;

  // `samples` ascend by key, each once; `head.samples` is set here.
  void Append(const WindowHead& head, absl::Span<const WindowSample> samples);
  size_t bytes() const {
    return heads.capacity() + keys.capacity() + counts.capacity() + cpus.capacity();
  }
};

// Reads windows one by one. The streams outlive it.
class WindowReader {
 public:
  // Keys of samples are below `keys`.
  WindowReader(const Streams& streams, size_t keys)
      : key_limit_(keys),
        heads_(streams.heads),
        keys_(streams.keys),
        counts_(streams.counts),
        cpus_(streams.cpus) {}

  // False at the end, or where the streams do not fit together; then ok() is false.
  bool Next(WindowHead* head);
  // The samples of the window Next() gave: to be called once after each, or Skip().
  void Samples(const WindowHead& head, base::PageVector<WindowSample>* samples);
  void Skip(const WindowHead& head);
  // As Samples(), for ok() alone.
  void Check(const WindowHead& head);
  bool ok() const { return heads_.ok() && keys_.ok() && counts_.ok() && cpus_.ok(); }
  // All was read.
  bool AtEnd() const { return heads_.empty() && keys_.empty() && counts_.empty() && cpus_.empty(); }

 private:
  const size_t key_limit_;
  ByteReader heads_, keys_, counts_, cpus_;
  int64_t last_end_ns_ = 0;
  bool has_cpus_ = false;
  int64_t mean_ns_ = 0;
};

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_WINDOWS_H_
