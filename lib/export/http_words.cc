// SPDX-License-Identifier: Apache-2.0
#include "export/http_words.h"

#include <cstdint>

namespace podo::exporting {
namespace {

void AppendUtf8(uint32_t point, std::string* text) {
  if (point < 0x80) {
    *text += static_cast<char>(point);
  } else if (point < 0x800) {
    *text += static_cast<char>(0xC0 | point >> 6);
    *text += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    *text += static_cast<char>(0xE0 | point >> 12);
    *text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *text += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    *text += static_cast<char>(0xF0 | point >> 18);
    *text += static_cast<char>(0x80 | (point >> 12 & 0x3F));
    *text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *text += static_cast<char>(0x80 | (point & 0x3F));
  }
}

class JsonText {
 public:
  explicit JsonText(std::string_view text) : text_(text) {}

  // The next byte that is no blank; 0 at the end.
  char Peek() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Take(char expected) {
    if (Peek() != expected || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  // False if there is none, or it does not end.
  bool TakeString(std::string* string) {
    string->clear();
    if (!Take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (c != '\\') {
        *string += c;
      } else if (!TakeEscape(string)) {
        return false;
      }
    }
    return false;
  }

  // Up to the comma or brace that ends the member; what is inside need not be valid.
  bool SkipValue() {
    int depth = 0;
    std::string ignored;
    for (char c = Peek(); c != '\0'; c = Peek()) {
      if (depth == 0 && (c == ',' || c == '}')) return true;
      if (c == '"') {
        if (!TakeString(&ignored)) return false;
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth < 0) return false;
      ++at_;
    }
    return false;
  }

 private:
  bool TakeEscape(std::string* string) {
    if (at_ >= text_.size()) return false;
    const char c = text_[at_++];
    if (c == 'u') return TakeCodePoint(string);
    constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    const size_t which = kNames.find(c);
    if (which == kNames.npos) return false;
    *string += kValues[which];
    return true;
  }

  bool TakeHex(uint32_t* unit) {
    if (text_.size() - at_ < 4) return false;
    *unit = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      const bool digit = c >= '0' && c <= '9';
      const char lower = static_cast<char>(c | 0x20);
      if (!digit && (lower < 'a' || lower > 'f')) return false;
      *unit = *unit << 4 | static_cast<uint32_t>(digit ? c - '0' : lower - 'a' + 10);
    }
    return true;
  }

  bool TakeCodePoint(std::string* string) {
    uint32_t unit = 0, low = 0;
    if (!TakeHex(&unit)) return false;
    if (unit >= 0xD800 && unit < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      if (!TakeHex(&low) || low < 0xDC00 || low > 0xDFFF) return false;
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    const bool alone = unit >= 0xD800 && unit <= 0xDFFF;
    AppendUtf8(alone ? 0xFFFD : unit, string);
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<std::string> JsonStringMember(std::string_view json, std::string_view key) {
  JsonText text(json);
  if (!text.Take('{')) return std::nullopt;
  do {
    std::string name, value;
    if (!text.TakeString(&name) || !text.Take(':')) return std::nullopt;
    if (name == key && text.Peek() == '"') {
      if (!text.TakeString(&value)) return std::nullopt;
      return value;
    }
    if (!text.SkipValue()) return std::nullopt;
  } while (text.Take(','));
  return std::nullopt;
}

AnswerWords ReadPlainWords(const HttpResult& result) {
  AnswerWords words;
  if (result.status >= 200 && result.status < 300) return words;
  if (auto message = JsonStringMember(result.body, "message")) {
    words.message = *std::move(message);
  } else {
    words.message = result.body;
  }
  return words;
}

}  // namespace podo::exporting
