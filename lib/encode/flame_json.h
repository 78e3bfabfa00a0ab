// SPDX-License-Identifier: Apache-2.0
// Text of the JSON that a flame-graph page carries: escaped strings and packed number columns.
#ifndef PODO_LIB_ENCODE_FLAME_JSON_H_
#define PODO_LIB_ENCODE_FLAME_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace podo::encode {

// Appends `text` as a JSON string. Besides what JSON demands, `<`, `>`, `&`, U+2028 and U+2029 are
// escaped, so that no function name can end the script element that holds the JSON. Ill-formed
// UTF-8 becomes U+FFFD.
void AppendJsonString(std::string* out, std::string_view text);

// `text` for use between HTML tags or in a quoted attribute. Ill-formed UTF-8 becomes U+FFFD.
std::string EscapeHtml(std::string_view text);

// A column of numbers as one string: base-64 digits of 5 bits, least significant first, a sixth bit
// (32) set on all but a number's last digit. A frame number costs 2-3 bytes where JSON takes 5-6.
class PackedColumn {
 public:
  void Add(uint64_t value);
  // Zigzag: small negative numbers stay short.
  void AddSigned(int64_t value);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace podo::encode

#endif  // PODO_LIB_ENCODE_FLAME_JSON_H_
