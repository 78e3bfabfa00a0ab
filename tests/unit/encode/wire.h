// SPDX-License-Identifier: Apache-2.0
// Protobuf bytes written by hand, so that the reader is not tested against our own encoder.
#ifndef PODO_TESTS_UNIT_ENCODE_WIRE_H_
#define PODO_TESTS_UNIT_ENCODE_WIRE_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace podo::encode::wire {

inline std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value > 127; value >>= 7) bytes += static_cast<char>((value & 127) | 128);
  bytes += static_cast<char>(value);
  return bytes;
}

// A number: "field = value".
inline std::string Number(uint32_t field, uint64_t value) {
  return Varint(field << 3) + Varint(value);
}

// A string, bytes or a message.
inline std::string Bytes(uint32_t field, std::string_view bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}

inline std::string Packed(uint32_t field, std::initializer_list<uint64_t> values) {
  std::string bytes;
  for (const uint64_t value : values) bytes += Varint(value);
  return Bytes(field, bytes);
}

}  // namespace podo::encode::wire

#endif  // PODO_TESTS_UNIT_ENCODE_WIRE_H_
