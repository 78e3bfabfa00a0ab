// SPDX-License-Identifier: Apache-2.0
#include "base/page_allocator.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace podo::base {
namespace {

constexpr size_t kPage = 4096;

bool IsMapped(const void* page) {
  unsigned char in_memory = 0;
  return mincore(const_cast<void*>(page), kPage, &in_memory) == 0 || errno != ENOMEM;
}

TEST_CASE(
    "what a large table took is the kernel's again once it is freed, and on page boundaries") {
  PageAllocator<uint32_t> allocator;
  for (const size_t bytes : {kOwnPagesBytes, kOwnPagesBytes + 4, size_t{5} << 20}) {
    uint32_t* const block = allocator.allocate(bytes / sizeof(uint32_t));
    CHECK(reinterpret_cast<uintptr_t>(block) % kPage == 0);
    block[0] = block[bytes / sizeof(uint32_t) - 1] = 1;
    CHECK(IsMapped(block));
    allocator.deallocate(block, bytes / sizeof(uint32_t));
    CHECK_FALSE(IsMapped(block));
  }
}

TEST_CASE("a table keeps its rows while it grows from small to large blocks and is copied") {
  PageVector<uint64_t> rows;
  PageString text;
  for (uint64_t i = 0; i < kOwnPagesBytes; ++i) {
    rows.push_back(i * i);
    text.push_back(static_cast<char>(i % 251));
  }
  const PageVector<uint64_t> copy = rows;
  PageVector<uint64_t> moved = std::move(rows);
  moved.resize(100);
  moved.shrink_to_fit();
  bool same = text.size() == kOwnPagesBytes;
  for (uint64_t i = 0; i < kOwnPagesBytes; ++i) {
    same = same && copy[i] == i * i && text[i] == static_cast<char>(i % 251);
  }
  CHECK(same);
  CHECK(moved.back() == uint64_t{99} * 99);
}

TEST_CASE("more than there can be is std::bad_alloc") {
  PageAllocator<uint64_t> allocator;
  for (const size_t n : {SIZE_MAX, SIZE_MAX / 8, (SIZE_MAX / 16) + 1}) {
    CHECK_THROWS_AS(allocator.deallocate(allocator.allocate(n), n), std::bad_alloc);
  }
}

}  // namespace
}  // namespace podo::base
