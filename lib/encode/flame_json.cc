// SPDX-License-Identifier: Apache-2.0
#include "encode/flame_json.h"

#include "model/utf8.h"

namespace podo::encode {
namespace {

constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kHex[] = "0123456789abcdef";

void AppendUnicodeEscape(std::string* out, unsigned code_unit) {
  out->append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out->push_back(kHex[(code_unit >> shift) & 15]);
}

void AppendValidJson(std::string* out, std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(text[i]);
    } else if (c < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '&') {
      AppendUnicodeEscape(out, c);
    } else if (text.substr(i, 3) == "\xe2\x80\xa8" || text.substr(i, 3) == "\xe2\x80\xa9") {
      AppendUnicodeEscape(out, text[i + 2] == '\xa8' ? 0x2028 : 0x2029);
      i += 2;
    } else {
      out->push_back(text[i]);
    }
  }
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view text) {
  out->push_back('"');
  if (model::IsValidUtf8(text)) {
    AppendValidJson(out, text);
  } else {
    AppendValidJson(out, model::ToValidUtf8(text));
  }
  out->push_back('"');
}

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : model::ToValidUtf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\0':
        out += "\xef\xbf\xbd";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

void PackedColumn::Add(uint64_t value) {
  while (value >= 32) {
    text_.push_back(kDigits[32 | (value & 31)]);
    value >>= 5;
  }
  text_.push_back(kDigits[value]);
}

void PackedColumn::AddSigned(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  Add((bits << 1) ^ (value < 0 ? ~uint64_t{0} : 0));
}

}  // namespace podo::encode
