// SPDX-License-Identifier: Apache-2.0
#include "base/hash_map.h"

#include <doctest/doctest.h>

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace podo::base {
namespace {

// Gives memory `left` times, then none.
template <typename T>
struct Scarce {
  using value_type = T;
  int* left;

  explicit Scarce(int* left_now) : left(left_now) {}
  template <typename U>
  Scarce(const Scarce<U>& other) : left(other.left) {}  // NOLINT: allocators convert

  T* allocate(size_t count) {
    if (--*left < 0) throw std::bad_alloc();
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* place, size_t count) { std::allocator<T>().deallocate(place, count); }
  bool operator==(const Scarce& other) const { return left == other.left; }
  bool operator!=(const Scarce& other) const { return left != other.left; }
};

TEST_CASE("a table whose memory runs out keeps what it has and can be destroyed") {
  using Allocator = Scarce<std::pair<int, int>>;
  constexpr int kKeys = 1000;
  for (int allocations = 0; allocations < 12; ++allocations) {
    CAPTURE(allocations);
    int left = allocations;
    int added = 0;
    HashMap<int, int, TableHash<int>, TableEqual<int>, Allocator> table{Allocator(&left)};
    try {
      for (; added < kKeys; ++added) table.try_emplace(added, -added);
    } catch (const std::bad_alloc&) {
    }
    CHECK((added == kKeys) == (allocations >= 11));
    CHECK(table.size() == static_cast<size_t>(added));
    for (int key = 0; key < kKeys; ++key) {
      const auto it = table.find(key);
      CHECK((it != table.end()) == (key < added));
      if (it != table.end()) CHECK(it->second == -key);
    }
  }
}

TEST_CASE("strings are looked up without making one") {
  HashMap<std::string, int> table;
  table["checkout"] = 7;
  CHECK(table.find(std::string_view("checkout"))->second == 7);
  CHECK(table.find(std::string_view("cart")) == table.end());
}

}  // namespace
}  // namespace podo::base
