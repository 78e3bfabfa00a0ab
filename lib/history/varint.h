// SPDX-License-Identifier: Apache-2.0
// Numbers as few bytes as they need (LEB128), and a reader that hostile bytes cannot lead astray.
#ifndef PODO_LIB_HISTORY_VARINT_H_
#define PODO_LIB_HISTORY_VARINT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace podo::history {

template <typename String>
void PutVarint(String* out, uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

// Small numbers of either sign stay small.
template <typename String>
void PutSigned(String* out, int64_t value) {
  PutVarint(out, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

// Once something was missing or too large, ok() is false for good and all reads give 0.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  uint64_t Varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    return Fail();
  }
  int64_t Signed() {
    const uint64_t value = Varint();
    return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  // A number in [0, limit).
  uint32_t Below(uint64_t limit) {
    const uint64_t value = Varint();
    if (value < limit && value <= UINT32_MAX) return static_cast<uint32_t>(value);
    return static_cast<uint32_t>(Fail());
  }
  // A count of things of which each takes at least `bytes_each` of what is left.
  uint32_t Count(uint64_t bytes_each = 1) { return Below(rest_.size() / bytes_each + 1); }
  std::string_view Bytes(uint64_t count) {
    if (count > rest_.size()) {
      Fail();
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  void SkipVarints(uint64_t count) {
    size_t at = 0;
    for (; count > 0 && at < rest_.size(); ++at) {
      if (static_cast<uint8_t>(rest_[at]) < 0x80) --count;
    }
    rest_.remove_prefix(at);
    if (count > 0) Fail();
  }

  void Refuse() { Fail(); }
  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }

 private:
  uint64_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace podo::history

#endif  // PODO_LIB_HISTORY_VARINT_H_
