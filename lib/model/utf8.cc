// SPDX-License-Identifier: Apache-2.0
#include "model/utf8.h"

#include <cstddef>
#include <cstdint>

namespace podo::model {
namespace {

// Length of the well-formed sequence at `i`, 0 if it is ill-formed. Table 3-7 of the Unicode
// standard: the second byte's range depends on the first.
size_t SequenceLength(std::string_view s, size_t i) {
  auto byte = [&](size_t at) { return static_cast<uint8_t>(s[at]); };
  auto tail = [&](size_t at) { return at < s.size() && (byte(at) & 0xC0) == 0x80; };
  const uint8_t first = byte(i);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || i + 1 >= s.size()) return 0;
  const uint8_t second = byte(i + 1);
  if (first < 0xE0) return tail(i + 1) ? 2 : 0;
  if (first < 0xF0) {
    const uint8_t low = first == 0xE0 ? 0xA0 : 0x80;
    const uint8_t high = first == 0xED ? 0x9F : 0xBF;
    return second >= low && second <= high && tail(i + 2) ? 3 : 0;
  }
  const uint8_t low = first == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = first == 0xF4 ? 0x8F : 0xBF;
  return second >= low && second <= high && tail(i + 2) && tail(i + 3) ? 4 : 0;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string ToValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text, i);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
    } else {
      out.append(text, i, length);
      i += length;
    }
  }
  return out;
}

}  // namespace podo::model
