// SPDX-License-Identifier: Apache-2.0
// One table of an OTLP profiles dictionary while it is being filled.
#ifndef PODO_LIB_ENCODE_OTLP_TABLE_H_
#define PODO_LIB_ENCODE_OTLP_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace podo::encode {

// Holds serialized messages (or strings), each once, in the order they came. The message without a
// field is element 0, as the format demands of every table, so whatever equals the zero value gets
// index 0 by itself. Serialization here is canonical: equal content has equal bytes.
class OtlpTable {
 public:
  OtlpTable() { Add({}); }
  OtlpTable(const OtlpTable&) = delete;
  OtlpTable& operator=(const OtlpTable&) = delete;

  // Index of an equal entry, added if there is none.
  uint32_t Add(std::string_view entry);

  // In order; entry 0 is "".
  const std::vector<const std::string*>& entries() const { return entries_; }
  // Bytes of all entries as a repeated field with a tag of one byte.
  size_t wire_bytes() const { return wire_bytes_; }

 private:
  std::unordered_map<std::string, uint32_t> ids_;
  std::vector<const std::string*> entries_;  // keys of ids_
  size_t wire_bytes_ = 0;
};

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_OTLP_TABLE_H_
