// SPDX-License-Identifier: Apache-2.0
// A growing array in a mapping of its own, for what the drain fills: it must not call malloc.
#ifndef PODO_LIB_AGGREGATE_MAPPED_ARRAY_H_
#define PODO_LIB_AGGREGATE_MAPPED_ARRAY_H_

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace podo::aggregate {

template <typename T>
size_t MappedBytes(size_t count) {
  constexpr size_t kPage = 4096;
  return (count * sizeof(T) + kPage - 1) & ~(kPage - 1);
}

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
  const T* data() const { return data_; }
  size_t capacity() const { return capacity_; }

 private:
  T* data_ = nullptr;
  size_t capacity_ = 0;
};

template <typename T>
MappedArray<T>::~MappedArray() {
  if (data_ != nullptr) munmap(data_, MappedBytes<T>(capacity_));
}

template <typename T>
bool MappedArray<T>::Reserve(size_t count) {
  if (count <= capacity_) return true;
  const size_t bytes = MappedBytes<T>(count);
  void* memory = data_ == nullptr ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                  : mremap(data_, MappedBytes<T>(capacity_), bytes, MREMAP_MAYMOVE);
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
  const size_t bytes = MappedBytes<T>(count);
  std::memset(static_cast<void*>(data_), 0, std::min(bytes, kKeepBytes));
  if (bytes > kKeepBytes) {
    madvise(reinterpret_cast<char*>(data_) + kKeepBytes, bytes - kKeepBytes, MADV_DONTNEED);
  }
}

}  // namespace podo::aggregate

#endif  // PODO_LIB_AGGREGATE_MAPPED_ARRAY_H_
