// SPDX-License-Identifier: Apache-2.0
// The hash tables of podo, which survive that memory runs out.
#ifndef PODO_LIB_BASE_HASH_MAP_H_
#define PODO_LIB_BASE_HASH_MAP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/hash/hash.h"
#include "tsl/robin_map.h"
#include "tsl/robin_set.h"

namespace podo::base {

// Strings are looked up by string_view.
template <typename Key>
struct TableHash : absl::Hash<Key> {};
template <>
struct TableHash<std::string> {
  template <typename Text>  // std::string, std::string_view, absl::string_view
  size_t operator()(const Text& key) const {
    return absl::Hash<std::string_view>{}(std::string_view(key.data(), key.size()));
  }
};
template <typename Key>
struct TableEqual : std::equal_to<Key> {};
template <>
struct TableEqual<std::string> : std::equal_to<> {};

// Not Abseil's: those write their new capacity down before they ask for the memory, and free what
// they never got once the exception unwinds them. In a process whose memory is limited (RLIMIT_AS)
// that ended the host. These build the larger table aside and swap. An insertion moves elements,
// so pointers into a table hold until the next one; a mapped value is changed by `it.value()`.
template <typename Key, typename Value, typename Hash = TableHash<Key>,
          typename Equal = TableEqual<Key>,
          typename Allocator = std::allocator<std::pair<Key, Value>>>
using HashMap = tsl::robin_map<Key, Value, Hash, Equal, Allocator>;

template <typename Key, typename Hash = TableHash<Key>, typename Equal = TableEqual<Key>,
          typename Allocator = std::allocator<Key>>
using HashSet = tsl::robin_set<Key, Hash, Equal, Allocator>;

// What `table` has allocated, without what its elements own.
template <typename Table>
size_t TableBytes(const Table& table) {
  struct Bucket {  // as in tsl/robin_hash.h
    int16_t distance;
    bool is_last;
    typename Table::value_type value;
  };
  return table.bucket_count() * sizeof(Bucket);
}

}  // namespace podo::base

#endif  // PODO_LIB_BASE_HASH_MAP_H_
