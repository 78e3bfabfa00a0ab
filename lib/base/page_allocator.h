// SPDX-License-Identifier: Apache-2.0
// For tables that are large for a moment, in a process that is somebody else's: what is freed is
// the kernel's again, while malloc() may keep it (glibc's threshold for mappings of their own grows
// with what is freed, up to 32 MiB, and an arena shrinks only at its end).
#ifndef PODO_LIB_BASE_PAGE_ALLOCATOR_H_
#define PODO_LIB_BASE_PAGE_ALLOCATOR_H_

#include <sys/mman.h>

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace podo::base {

// Blocks below come from operator new: a mapping costs system calls, and a page fault for each of
// its pages.
inline constexpr size_t kOwnPagesBytes = size_t{64} << 10;

// Throws std::bad_alloc as std::allocator does.
template <typename T>
struct PageAllocator {
  using value_type = T;

  PageAllocator() = default;
  template <typename U>
  PageAllocator(const PageAllocator<U>&) noexcept {}  // NOLINT: allocators convert

  T* allocate(size_t n) {
    if (n > std::numeric_limits<size_t>::max() / sizeof(T)) throw std::bad_alloc();
    const size_t bytes = n * sizeof(T);
    if (bytes < kOwnPagesBytes) return std::allocator<T>().allocate(n);
    void* const pages =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    return static_cast<T*>(pages);
  }
  void deallocate(T* at, size_t n) noexcept {
    if (n * sizeof(T) < kOwnPagesBytes) return std::allocator<T>().deallocate(at, n);
    munmap(at, n * sizeof(T));
  }

  template <typename U>
  bool operator==(const PageAllocator<U>&) const noexcept {
    return true;
  }
};

template <typename T>
using PageVector = std::vector<T, PageAllocator<T>>;
using PageString = std::basic_string<char, std::char_traits<char>, PageAllocator<char>>;

}  // namespace podo::base

#endif  // PODO_LIB_BASE_PAGE_ALLOCATOR_H_
