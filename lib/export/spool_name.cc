// SPDX-License-Identifier: Apache-2.0
#include "export/spool_name.h"

#include <charconv>

#include "absl/strings/str_cat.h"
#include "base/format.h"

namespace podo::exporting {
namespace {

constexpr size_t kKeyAt = 5, kStartAt = 22, kInstanceAt = 43, kSeqAt = 52, kKindAt = 60;
constexpr std::string_view kSuffixes[] = {".spool", ".spool.tmp", ".spool.bad"};

template <typename T>
bool Read(std::string_view digits, int base, T* number) {
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, *number, base);
  return result.ec == std::errc() && result.ptr == end;
}

}  // namespace

std::string FormatSpoolName(const SpoolName& name) {
  const std::string_view suffix = kSuffixes[static_cast<size_t>(name.kind)];
  return base::StrFormat("podo-%016x-%020d-%08x-%08d%s", name.key, name.start_ns, name.instance,
                         name.seq, absl::string_view(suffix.data(), suffix.size()));
}

std::optional<SpoolName> ParseSpoolName(std::string_view text) {
  if (text.size() < kKindAt) return std::nullopt;
  SpoolName name;
  bool known = false;
  for (size_t kind = 0; kind < std::size(kSuffixes); ++kind) {
    if (text.substr(kKindAt) != kSuffixes[kind]) continue;
    name.kind = static_cast<SpoolKind>(kind);
    known = true;
  }
  if (!known || !Read(text.substr(kKeyAt, 16), 16, &name.key) ||
      !Read(text.substr(kStartAt, 20), 10, &name.start_ns) ||
      !Read(text.substr(kInstanceAt, 8), 16, &name.instance) ||
      !Read(text.substr(kSeqAt, 8), 10, &name.seq) || FormatSpoolName(name) != text) {
    return std::nullopt;
  }
  return name;
}

}  // namespace podo::exporting
