// SPDX-License-Identifier: Apache-2.0
#include "aggregate/stack_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace podo::aggregate {
namespace {

constexpr size_t kPage = 4096;

size_t PageUp(size_t bytes) { return (bytes + kPage - 1) & ~(kPage - 1); }

__extension__ typedef unsigned __int128 Uint128;

// 64x64 -> 128 multiply and fold: every input bit reaches every output bit.
uint64_t Mix(uint64_t a, uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a ^ 0x9E3779B97F4A7C15) *
                          (b ^ 0xD6E8FEB86659FD93);  // odd, high-entropy constants
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t Hash(const model::RawSample& sample) {
  uint64_t h =
      Mix(sample.header.generation, uint64_t{sample.header.label_set} << 32 |
                                        uint64_t{sample.header.flags} << 16 | sample.header.frames);
  for (uint32_t i = 0; i < sample.header.frames; ++i) h = Mix(h, sample.frames[i]);
  return h;
}

}  // namespace

template <typename T>
MappedArray<T>::~MappedArray() {
  if (data_ != nullptr) munmap(data_, PageUp(capacity_ * sizeof(T)));
}

template <typename T>
bool MappedArray<T>::Reserve(size_t count) {
  if (count <= capacity_) return true;
  const size_t bytes = PageUp(count * sizeof(T));
  void* memory =
      data_ == nullptr
          ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
          : mremap(data_, PageUp(capacity_ * sizeof(T)), bytes, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) return false;
  madvise(memory, bytes, MADV_DONTDUMP);
  madvise(memory, bytes, MADV_WIPEONFORK);
  data_ = static_cast<T*>(memory);
  capacity_ = bytes / sizeof(T);
  return true;
}

template <typename T>
void MappedArray<T>::Clear(size_t count) {
  constexpr size_t kKeepBytes = 256 << 10;  // what a usual window needs again at once
  const size_t bytes = PageUp(count * sizeof(T));
  std::memset(static_cast<void*>(data_), 0, std::min(bytes, kKeepBytes));
  if (bytes > kKeepBytes) {
    madvise(reinterpret_cast<char*>(data_) + kKeepBytes, bytes - kKeepBytes, MADV_DONTNEED);
  }
}

template class MappedArray<StackTable::Entry>;
template class MappedArray<uint64_t>;
template class MappedArray<uint32_t>;

bool StackTable::Rehash(size_t slots) {
  if (slots_.data() != nullptr) slots_.Clear(slot_count_);
  if (!slots_.Reserve(slots)) return false;
  slot_count_ = slots;
  for (size_t i = 0; i < size_; ++i) {
    size_t slot = entries_[i].hash & (slots - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots - 1);
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
  return true;
}

bool StackTable::Grow(uint32_t new_frames) {
  const size_t need = (size_ + 1) * (sizeof(Entry) + 2 * sizeof(uint32_t)) +
                      (frames_used_ + new_frames) * sizeof(uint64_t);
  if (need > cap_bytes_) return false;
  if (size_ == entries_.capacity() && !entries_.Reserve(std::max<size_t>(256, size_ * 2))) {
    return false;
  }
  if (frames_used_ + new_frames > frames_.capacity() &&
      !frames_.Reserve(std::max<size_t>(8192, (frames_used_ + new_frames) * 2))) {
    return false;
  }
  return (size_ + 1) * 2 <= slot_count_ || Rehash(std::max<size_t>(1024, slot_count_ * 2));
}

void StackTable::Add(const model::RawSample& sample) {
  ++total_;
  const model::RawHeader& h = sample.header;
  const uint64_t hash = Hash(sample);
  if (slot_count_ != 0) {
    for (size_t slot = hash & (slot_count_ - 1); slots_[slot] != 0;
         slot = (slot + 1) & (slot_count_ - 1)) {
      Entry& e = entries_[slots_[slot] - 1];
      if (e.hash == hash && e.frames == h.frames && e.generation == h.generation &&
          e.flags == h.flags && e.label_set == h.label_set &&
          std::equal(sample.frames, sample.frames + h.frames, frames_.data() + e.first_frame)) {
        ++e.count;
        return;
      }
    }
  }
  if (!Grow(h.frames)) {
    ++overflow_;
    return;
  }
  size_t slot = hash & (slot_count_ - 1);
  while (slots_[slot] != 0) slot = (slot + 1) & (slot_count_ - 1);
  entries_[size_] = {hash, frames_used_, 1, h.generation, h.label_set, h.frames, h.flags};
  std::copy_n(sample.frames, h.frames, frames_.data() + frames_used_);  // may be none
  frames_used_ += h.frames;
  slots_[slot] = static_cast<uint32_t>(++size_);
}

void StackTable::Clear() {
  if (slots_.data() != nullptr) slots_.Clear(slot_count_);
  if (entries_.data() != nullptr) entries_.Clear(size_);
  if (frames_.data() != nullptr) frames_.Clear(frames_used_);
  size_ = frames_used_ = 0;
  overflow_ = total_ = 0;
}

}  // namespace podo::aggregate
