// SPDX-License-Identifier: Apache-2.0
#include "encode/link_labels.h"

#include <algorithm>
#include <vector>

namespace podo::encode {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

// False, and `id` untouched, unless `text` is an id of that size.
bool ParseId(std::string_view text, std::span<uint8_t> id) {
  if (text.size() != 2 * id.size() || text.find_first_not_of(kDigits) != text.npos ||
      text.find_first_not_of('0') == text.npos) {
    return false;
  }
  for (size_t i = 0; i < id.size(); ++i) {
    id[i] = static_cast<uint8_t>(kDigits.find(text[2 * i]) << 4 | kDigits.find(text[2 * i + 1]));
  }
  return true;
}

}  // namespace

bool IsSetId(std::span<const uint8_t> id) {
  return std::any_of(id.begin(), id.end(), [](uint8_t byte) { return byte != 0; });
}

std::string HexText(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

model::Link TakeLink(const model::Profile& profile, model::LabelSet* labels) {
  model::Link link;
  std::erase_if(labels->labels, [&](const model::Label& label) {
    const std::string& key = profile.String(label.key);
    const std::string& value = profile.String(label.string);
    return (key == kTraceIdKey && ParseId(value, link.trace_id)) ||
           (key == kSpanIdKey && ParseId(value, link.span_id));
  });
  return link;
}

}  // namespace podo::encode
