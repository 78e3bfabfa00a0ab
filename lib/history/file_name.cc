// SPDX-License-Identifier: Apache-2.0
#include "history/file_name.h"

#include <charconv>

#include "base/format.h"
#include "base/sha256.h"

namespace podo::history {
namespace {

constexpr std::string_view kPrefix = "podo-history-";
constexpr std::string_view kEndings[] = {".lock", ".chapter", ".tmp", ".bad"};

}  // namespace

uint64_t ServiceHash(std::string_view service) {
  base::Sha256 sha;
  sha.Add(service);
  const base::Sha256::Digest digest = sha.Finish();
  uint64_t hash = 0;
  for (size_t i = 0; i < sizeof hash; ++i) hash = hash << 8 | digest[i];
  return hash;
}

std::string FormatFileName(const FileName& name) {
  const std::string_view ending = kEndings[static_cast<size_t>(name.kind)];
  return base::StrFormat("%s%016x-%08x-%08x%s", std::string(kPrefix), name.service, name.run,
                         name.seq, std::string(ending));
}

std::optional<FileName> ParseFileName(std::string_view text) {
  constexpr size_t kServiceAt = kPrefix.size(), kRunAt = kServiceAt + 17, kSeqAt = kRunAt + 9;
  constexpr size_t kEndingAt = kSeqAt + 8;
  if (text.size() <= kEndingAt || !text.starts_with(kPrefix)) return std::nullopt;
  FileName name;
  const auto read = [&](size_t at, size_t digits, auto* value) {
    const char* end = text.data() + at + digits;
    return std::from_chars(text.data() + at, end, *value, 16).ptr == end;
  };
  if (!read(kServiceAt, 16, &name.service) || !read(kRunAt, 8, &name.run) ||
      !read(kSeqAt, 8, &name.seq)) {
    return std::nullopt;
  }
  for (size_t kind = 0; kind < std::size(kEndings); ++kind) {
    name.kind = static_cast<FileKind>(kind);
    if (text.substr(kEndingAt) == kEndings[kind] && FormatFileName(name) == text) return name;
  }
  return std::nullopt;
}

}  // namespace podo::history
