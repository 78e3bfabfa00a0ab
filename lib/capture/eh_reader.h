// SPDX-License-Identifier: Apache-2.0
// A bounded cursor over foreign .eh_frame bytes: integers, LEB128 and encoded pointers.
#ifndef PODO_LIB_CAPTURE_EH_READER_H_
#define PODO_LIB_CAPTURE_EH_READER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace podo::capture {

// DW_EH_PE_*: low nibble the format, next three bits what it counts from, top bit indirection.
inline constexpr uint8_t kEhFormatMask = 0x0f;
inline constexpr uint8_t kEhBaseMask = 0x70;
inline constexpr uint8_t kEhIndirect = 0x80;
inline constexpr uint8_t kEhPcRelative = 0x10;
inline constexpr uint8_t kEhTextRelative = 0x20;
inline constexpr uint8_t kEhDataRelative = 0x30;
inline constexpr uint8_t kEhAligned = 0x50;
inline constexpr uint8_t kEhOmit = 0xff;

// What relative pointers count from; 0 = not known, such a pointer is then an error.
struct EhBases {
  uint64_t text = 0;
  uint64_t data = 0;
};

// Every read past the end, and every encoding that is not known, sets failed() and yields 0, so
// that a caller may read a whole structure and check once. Never reads outside its bytes.
class EhReader {
 public:
  EhReader() = default;
  // `address` is where bytes[0] lies at run time: pc-relative pointers count from it.
  EhReader(std::span<const uint8_t> bytes, uint64_t address)
      : begin_(bytes.data()), next_(begin_), end_(begin_ + bytes.size()), address_(address) {}

  bool failed() const { return failed_; }
  bool at_end() const { return next_ == end_; }
  size_t remaining() const { return static_cast<size_t>(end_ - next_); }
  size_t position() const { return static_cast<size_t>(next_ - begin_); }
  uint64_t address() const { return address_ + position(); }
  void Fail() {
    failed_ = true;
    next_ = end_;
  }

  void Skip(uint64_t bytes) {
    if (bytes > remaining()) return Fail();
    next_ += bytes;
  }

  template <typename T>
  T Fixed() {
    T value{};
    if (sizeof(T) > remaining()) {
      Fail();
      return value;
    }
    std::memcpy(&value, next_, sizeof(T));
    next_ += sizeof(T);
    return value;
  }
  uint8_t U8() { return Fixed<uint8_t>(); }

  uint64_t Uleb() {
    if (next_ != end_ && *next_ < 0x80) return *next_++;
    return LongLeb(false);
  }
  int64_t Sleb() {
    if (next_ != end_ && *next_ < 0x80) {  // one byte: bit 6 is the sign
      const uint8_t byte = *next_++;
      return static_cast<int64_t>(byte) - ((byte & 0x40) != 0 ? 0x80 : 0);
    }
    return static_cast<int64_t>(LongLeb(true));
  }

  // The format part alone (an FDE's pc range has no base).
  uint64_t EncodedValue(uint8_t encoding);
  // Format and base. Indirect pointers cannot be followed in a copy: an error.
  uint64_t EncodedPointer(uint8_t encoding, const EhBases& bases);
  // Steps over any pointer, also one that could not be followed (the personality routine).
  void SkipEncoded(uint8_t encoding);

  // The next `bytes` bytes, stepped over; empty and failed() if there are fewer.
  EhReader Sub(uint64_t bytes);
  // A NUL-terminated string, stepped over; empty string and failed() if no NUL follows.
  const char* String();

 private:
  uint64_t LongLeb(bool is_signed);

  const uint8_t* begin_ = nullptr;
  const uint8_t* next_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint64_t address_ = 0;
  bool failed_ = false;
};

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_EH_READER_H_
