// SPDX-License-Identifier: Apache-2.0
#include "export/post_template.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace podo::exporting {
namespace {

bool IsUnreserved(char c) {  // RFC 3986
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void AppendEncoded(std::string* out, std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsUnreserved(c)) {
      *out += c;
    } else {
      *out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
}

// For what no profile can have: not a number, below 1, beyond all clocks.
int64_t WholeHz(double hz) { return hz >= 1 && hz < 1e9 ? std::llround(hz) : 1; }

}  // namespace

base::Status PostTemplate::AddPlaceholder(std::string_view text) {
  constexpr std::pair<std::string_view, Kind> kPlaceholders[] = {{"{service}", Kind::kService},
                                                                 {"{start}", Kind::kStart},
                                                                 {"{end}", Kind::kEnd},
                                                                 {"{type}", Kind::kType},
                                                                 {"{hz}", Kind::kHz}};
  for (const auto& [known, kind] : kPlaceholders) {
    if (text != known) continue;
    parts_.push_back({kind, {}});
    return base::OkStatus();
  }
  return base::InvalidArgumentError(
      "a placeholder other than {service}, {start}, {end}, {type} and {hz}");
}

base::StatusOr<PostTemplate> PostTemplate::Parse(std::string_view text) {
  PostTemplate post;
  while (!text.empty()) {
    const size_t open = std::min(text.find('{'), text.size());
    const std::string_view literal = text.substr(0, open);
    if (literal.find('}') != std::string_view::npos) {
      return base::InvalidArgumentError("a brace that is not written %7B or %7D");
    }
    if (!literal.empty()) post.parts_.push_back({Kind::kLiteral, std::string(literal)});
    text.remove_prefix(open);
    if (text.empty()) break;
    const size_t end = std::min(text.find('}'), text.size() - 1) + 1;
    if (base::Status status = post.AddPlaceholder(text.substr(0, end)); !status.ok()) return status;
    text.remove_prefix(end);
  }
  return post;
}

std::string PostTemplate::Expand(const PostValues& values) const {
  std::string text;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Kind::kLiteral:
        text += part.literal;
        break;
      case Kind::kService:
        AppendEncoded(&text, values.service);
        break;
      case Kind::kStart:
        absl::StrAppend(&text, values.start_ns);
        break;
      case Kind::kEnd:
        absl::StrAppend(&text, values.end_ns);
        break;
      case Kind::kType:
        AppendEncoded(&text, values.type);
        break;
      case Kind::kHz:
        absl::StrAppend(&text, WholeHz(values.hz));
        break;
    }
  }
  return text;
}

}  // namespace podo::exporting
