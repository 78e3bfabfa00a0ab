// SPDX-License-Identifier: Apache-2.0
#include "history/chapter_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"

namespace podo::history {
namespace {

constexpr std::string_view kMagic("PODOHIS\x1a", 8);
constexpr uint32_t kVersion = 1;
constexpr size_t kVersionAt = 8, kLevelAt = 12, kOrderAt = 16, kCountAt = 24, kReplacesAt = 28;
constexpr size_t kSumBytes = 8;
constexpr size_t kRecordHeadBytes = 4 + kSumBytes;
constexpr int kMaxLevel = 255;
// Of all records of a file together, unpacked: a chapter in the making is never larger.
constexpr size_t kMaxContentBytes = size_t{64} << 20;

template <typename T>
void Put(std::string* bytes, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes->push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
  }
}

template <typename T>
T Get(std::string_view bytes, size_t at) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  }
  return static_cast<T>(value);
}

std::string SumOf(std::string_view bytes) {
  base::Sha256 sha;
  sha.Add(bytes);
  const base::Sha256::Digest digest = sha.Finish();
  return std::string(reinterpret_cast<const char*>(digest.data()), kSumBytes);
}

// Where the records begin, were the head whole; 0 if the bytes are too few to tell.
size_t RecordsAt(std::string_view bytes) {
  if (bytes.size() < kReplacesAt) return 0;
  const size_t at = kReplacesAt + size_t{Get<uint32_t>(bytes, kCountAt)} * 8 + kSumBytes;
  return at <= bytes.size() ? at : 0;
}

base::StatusOr<ChapterFileHead> DecodeHead(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return base::InvalidArgumentError("no history file");
  }
  if (bytes.size() >= kVersionAt + 4 && Get<uint32_t>(bytes, kVersionAt) > kVersion) {
    return base::UnimplementedError(absl::StrCat("history file of version ",
                                                 Get<uint32_t>(bytes, kVersionAt),
                                                 "; known here: up to ", kVersion));
  }
  const size_t end = RecordsAt(bytes);
  if (end == 0) return base::DataLossError("damaged history file: cut short");
  if (SumOf(bytes.substr(0, end - kSumBytes)) != bytes.substr(end - kSumBytes, kSumBytes)) {
    return base::DataLossError("damaged history file: the checksum of its head is wrong");
  }
  ChapterFileHead head;
  const auto level = Get<uint32_t>(bytes, kLevelAt);
  const auto count = Get<uint32_t>(bytes, kCountAt);
  if (level > kMaxLevel || count > kMaxReplaced) {
    return base::DataLossError(
        absl::StrCat("damaged history file: level ", level, ", stands for ", count, " files"));
  }
  head.level = static_cast<int>(level);
  head.order = Get<uint64_t>(bytes, kOrderAt);
  for (size_t i = 0; i < count; ++i) {
    const size_t at = kReplacesAt + i * 8;
    head.replaces.push_back({Get<uint32_t>(bytes, at), Get<uint32_t>(bytes, at + 4)});
  }
  return head;
}

// Takes the next whole record off `bytes`; none at the end, or where the file was cut.
std::optional<std::string_view> NextRecord(std::string_view* bytes, bool* is_damaged) {
  if (bytes->size() < kRecordHeadBytes) return std::nullopt;
  const size_t size = Get<uint32_t>(*bytes, 0);
  if (size > bytes->size() - kRecordHeadBytes) return std::nullopt;
  const std::string_view body = bytes->substr(kRecordHeadBytes, size);
  if (SumOf(body) != bytes->substr(4, kSumBytes)) {
    *is_damaged = true;
    return std::nullopt;
  }
  bytes->remove_prefix(kRecordHeadBytes + size);
  return body;
}

}  // namespace

std::string EncodeFileHead(const ChapterFileHead& head) {
  std::string bytes(kMagic);
  Put(&bytes, kVersion);
  Put(&bytes, static_cast<uint32_t>(head.level));
  Put(&bytes, head.order);
  const size_t count = std::min(head.replaces.size(), kMaxReplaced);
  Put(&bytes, static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) {
    Put(&bytes, head.replaces[i].run);
    Put(&bytes, head.replaces[i].seq);
  }
  return bytes + SumOf(bytes);
}

std::string EncodeFileRecord(std::string_view packed) {
  std::string bytes;
  Put(&bytes, static_cast<uint32_t>(packed.size()));
  bytes += SumOf(packed);
  return bytes.append(packed);
}

base::StatusOr<ChapterFile> DecodeChapterFile(std::string_view bytes) {
  base::StatusOr<ChapterFileHead> head = DecodeHead(bytes);
  if (!head.ok()) return head.status();
  ChapterFile file;
  file.head = *std::move(head);
  bytes.remove_prefix(RecordsAt(bytes));
  const std::optional<std::string_view> first = NextRecord(&bytes, &file.is_damaged);
  if (!first) return file;
  std::optional<std::string_view> next = NextRecord(&bytes, &file.is_damaged);
  if (!next) {
    base::StatusOr<ChapterPtr> chapter = Chapter::FromPacked(std::string(*first));
    file.is_damaged = file.is_damaged || !chapter.ok();
    if (chapter.ok() && (*chapter)->summary().windows > 0) file.chapter = *std::move(chapter);
    return file;
  }
  Contents contents;
  if (!UnpackRecord(*first, &contents).ok()) {
    file.is_damaged = true;
    return file;
  }
  for (; next; next = NextRecord(&bytes, &file.is_damaged)) {
    // What does not fit together spoils all: sums of records are right, so nobody wrote this.
    if (contents.tables.bytes() + contents.streams.bytes() > kMaxContentBytes ||
        !UnpackRecord(*next, &contents).ok()) {
      file.is_damaged = true;
      return file;
    }
  }
  if (contents.streams.windows == 0) return file;
  base::StatusOr<ChapterPtr> chapter = Chapter::Pack(contents.tables, contents.streams);
  if (!chapter.ok()) return chapter.status();
  file.chapter = *std::move(chapter);
  return file;
}

void SealChapterFile(std::string* bytes) {
  const size_t end = RecordsAt(*bytes);
  if (end == 0) return;
  bytes->replace(end - kSumBytes, kSumBytes,
                 SumOf(std::string_view(*bytes).substr(0, end - kSumBytes)));
  for (size_t at = end; at + kRecordHeadBytes <= bytes->size();) {
    const size_t size = Get<uint32_t>(*bytes, at);
    if (size > bytes->size() - at - kRecordHeadBytes) return;
    const std::string sum = SumOf(std::string_view(*bytes).substr(at + kRecordHeadBytes, size));
    bytes->replace(at + 4, kSumBytes, sum);
    at += kRecordHeadBytes + size;
  }
}

}  // namespace podo::history
