// SPDX-License-Identifier: Apache-2.0
#include "capture/eh_reader.h"

namespace podo::capture {

uint64_t EhReader::LongLeb(bool is_signed) {
  uint64_t value = 0;
  unsigned shift = 0;
  while (true) {
    const uint8_t byte = U8();
    if (failed_) return 0;
    if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    shift += 7;
    if ((byte & 0x80) == 0) {
      if (is_signed && (byte & 0x40) != 0 && shift < 64) value |= ~uint64_t{0} << shift;
      return value;
    }
    if (shift > 63 + 7) {  // longer than any 64-bit number, padding included
      Fail();
      return 0;
    }
  }
}

uint64_t EhReader::EncodedValue(uint8_t encoding) {
  switch (encoding & kEhFormatMask) {
    case 0x00:  // absptr
    case 0x04:  // udata8
    case 0x0c:  // sdata8
      return Fixed<uint64_t>();
    case 0x01:
      return Uleb();
    case 0x02:
      return Fixed<uint16_t>();
    case 0x03:
      return Fixed<uint32_t>();
    case 0x09:
      return static_cast<uint64_t>(Sleb());
    case 0x0a:
      return static_cast<uint64_t>(static_cast<int64_t>(Fixed<int16_t>()));
    case 0x0b:
      return static_cast<uint64_t>(static_cast<int64_t>(Fixed<int32_t>()));
    default:
      Fail();
      return 0;
  }
}

uint64_t EhReader::EncodedPointer(uint8_t encoding, const EhBases& bases) {
  if (encoding == kEhOmit || (encoding & kEhIndirect) != 0) {
    Fail();
    return 0;
  }
  uint64_t base = 0;
  switch (encoding & kEhBaseMask) {
    case 0:
      break;
    case kEhPcRelative:
      base = address();
      break;
    case kEhTextRelative:
      base = bases.text;
      if (base == 0) Fail();
      break;
    case kEhDataRelative:
      base = bases.data;
      if (base == 0) Fail();
      break;
    default:
      Fail();
  }
  const uint64_t value = EncodedValue(encoding);
  return failed_ ? 0 : base + value;
}

void EhReader::SkipEncoded(uint8_t encoding) {
  if (encoding == kEhOmit) return;
  if ((encoding & kEhBaseMask) == kEhAligned) {
    Skip((8 - address() % 8) % 8 + 8);
    return;
  }
  EncodedValue(encoding);
}

EhReader EhReader::Sub(uint64_t bytes) {
  if (bytes > remaining()) {
    Fail();
    EhReader empty;
    empty.failed_ = true;
    return empty;
  }
  EhReader sub({next_, static_cast<size_t>(bytes)}, address());
  next_ += bytes;
  return sub;
}

const char* EhReader::String() {
  const void* nul = at_end() ? nullptr : std::memchr(next_, 0, remaining());
  if (nul == nullptr) {
    Fail();
    return "";
  }
  const char* text = reinterpret_cast<const char*>(next_);
  next_ = static_cast<const uint8_t*>(nul) + 1;
  return text;
}

}  // namespace podo::capture
