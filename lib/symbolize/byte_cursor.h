// SPDX-License-Identifier: Apache-2.0
// Reads little-endian fields out of untrusted bytes: past the end everything is 0 and ok() is
// false, so parsers check once, not at every field.
#ifndef PODO_LIB_SYMBOLIZE_BYTE_CURSOR_H_
#define PODO_LIB_SYMBOLIZE_BYTE_CURSOR_H_

#include <cstdint>
#include <cstring>
#include <string_view>

#include "absl/types/span.h"

namespace podo::symbolize {

using Bytes = absl::Span<const uint8_t>;

class ByteCursor {
 public:
  explicit ByteCursor(Bytes bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return !ok_ || at_ >= bytes_.size(); }
  size_t offset() const { return at_; }
  Bytes rest() const { return ok_ ? bytes_.subspan(at_) : Bytes(); }

  uint8_t U8() { return Fixed<uint8_t>(); }
  uint16_t U16() { return Fixed<uint16_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  // An offset or length: 8 bytes in 64-bit DWARF, else 4.
  uint64_t Offset(bool dwarf64) { return dwarf64 ? U64() : U32(); }

  uint64_t Uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; ok_; shift += 7) {
      const uint8_t byte = U8();
      if (shift < 64) value |= uint64_t{byte & 0x7Fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return 0;
  }
  int64_t Sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; ok_;) {
      const uint8_t byte = U8();
      if (shift < 64) value |= uint64_t{byte & 0x7Fu} << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      if (shift < 64 && (byte & 0x40) != 0) value |= ~uint64_t{0} << shift;
      return static_cast<int64_t>(value);
    }
    return 0;
  }
  std::string_view CString() {
    const Bytes left = rest();
    const void* nul = left.empty() ? nullptr : memchr(left.data(), 0, left.size());
    if (nul == nullptr) {
      ok_ = false;
      return {};
    }
    const size_t length = static_cast<size_t>(static_cast<const uint8_t*>(nul) - left.data());
    at_ += length + 1;
    return {reinterpret_cast<const char*>(left.data()), length};
  }
  void Skip(uint64_t count) {
    if (!ok_ || count > bytes_.size() - at_) {
      ok_ = false;
    } else {
      at_ += count;
    }
  }
  // The next `count` bytes; empty and !ok() if there are fewer.
  Bytes Take(uint64_t count) {
    const Bytes left = rest();
    Skip(count);
    return ok_ ? left.subspan(0, count) : Bytes();
  }

 private:
  template <typename T>
  T Fixed() {
    T value = 0;
    if (!ok_ || bytes_.size() - at_ < sizeof value) {
      ok_ = false;
      return 0;
    }
    memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  Bytes bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_BYTE_CURSOR_H_
