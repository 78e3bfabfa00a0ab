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

#include "model/raw_sample.h"

namespace podo::aggregate {

// A growing array of T in a mapping of its own; kept out of core dumps and fork children.
template <typename T>
class MappedArray {
 public:
  MappedArray() = default;
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;
  ~MappedArray();

  // Makes room for `count` elements, new ones zero; false if the kernel has no memory.
  bool Reserve(size_t count);
  // Zeroes the first `count` elements, giving pages back where there are many.
  void Clear(size_t count);
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* data() { return data_; }
  size_t capacity() const { return capacity_; }

 private:
  T* data_ = nullptr;
  size_t capacity_ = 0;
};

// Distinct (frames, generation, flags, label set) with a count. Not thread-safe: handed from the
// drain to the export side as a whole.
class StackTable {
 public:
  struct Entry {
    uint64_t hash;
    uint64_t first_frame;  // index into the frames
    uint32_t count;
    uint32_t generation;
    uint32_t label_set;
    uint16_t frames;
    uint16_t flags;
  };

  explicit StackTable(size_t cap_bytes) : cap_bytes_(cap_bytes) {}

  // Adds one tick with this stack. A hash and usually one comparison.
  void Add(const model::RawSample& sample);
  void Clear();

  size_t size() const { return size_; }
  const Entry& entry(size_t i) const { return entries_[i]; }
  const uint64_t* frames(const Entry& entry) const { return &frames_[entry.first_frame]; }
  // Ticks that found no room.
  uint64_t overflow() const { return overflow_; }
  // Ticks added, overflow included.
  uint64_t total() const { return total_; }

 private:
  bool Grow(uint32_t new_frames);
  bool Rehash(size_t slots);

  const size_t cap_bytes_;
  MappedArray<Entry> entries_;
  MappedArray<uint64_t> frames_;
  MappedArray<uint32_t> slots_;  // entry index + 1; 0 = empty; a power of two of them
  size_t size_ = 0;
  size_t frames_used_ = 0;
  size_t slot_count_ = 0;
  uint64_t overflow_ = 0;
  uint64_t total_ = 0;
};

}  // namespace podo::aggregate

#endif  // PODO_LIB_AGGREGATE_STACK_TABLE_H_
