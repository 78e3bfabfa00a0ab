// SPDX-License-Identifier: Apache-2.0
// Equal raw samples added up, while they come in.
//
// The drain fills one of these for a whole window, so it allocates from the kernel only (mremap),
// never from malloc: the host's allocator may be one that unwinds or locks. Bounded: past the cap,
// samples are counted as `overflow` instead of kept.
#ifndef PODO_LIB_AGGREGATE_STACK_TABLE_H_
#define PODO_LIB_AGGREGATE_STACK_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "aggregate/mapped_array.h"
#include "model/raw_sample.h"

namespace podo::aggregate {

// Distinct (frames, generation, flags, label set, span, thread) with a count. Not thread-safe:
// handed from the drain to the export side as a whole.
class StackTable {
 public:
  struct Entry {
    uint64_t hash;
    uint64_t first_word;  // index into the words: the span's ids with kRawSpan, then the frames
    uint32_t count;
    uint32_t generation;
    uint32_t label_set;
    uint32_t thread;
    uint16_t frames;
    uint16_t flags;
  };

  explicit StackTable(size_t cap_bytes) : cap_bytes_(cap_bytes) {}

  // Adds one tick with this stack. A hash and usually one comparison.
  void Add(const model::RawSample& sample);
  void Clear();

  size_t size() const { return size_; }
  const Entry& entry(size_t i) const { return entries_[i]; }
  const uint64_t* frames(const Entry& entry) const {
    return words_.data() + entry.first_word + model::SpanWordsOf(entry.flags);
  }
  // kSpanWords words, or nullptr.
  const uint64_t* span(const Entry& entry) const {
    return (entry.flags & model::kRawSpan) != 0 ? words_.data() + entry.first_word : nullptr;
  }
  // Ticks that found no room.
  uint64_t overflow() const { return overflow_; }
  // Ticks added, overflow included.
  uint64_t total() const { return total_; }

 private:
  bool Grow(uint32_t new_words);
  bool Rehash(size_t slots);

  const size_t cap_bytes_;
  MappedArray<Entry> entries_;
  MappedArray<uint64_t> words_;
  MappedArray<uint32_t> slots_;  // entry index + 1; 0 = empty; a power of two of them
  size_t size_ = 0;
  size_t words_used_ = 0;
  size_t slot_count_ = 0;
  uint64_t overflow_ = 0;
  uint64_t total_ = 0;
};

}  // namespace podo::aggregate

#endif  // PODO_LIB_AGGREGATE_STACK_TABLE_H_
