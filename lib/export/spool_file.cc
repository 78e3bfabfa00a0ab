// SPDX-License-Identifier: Apache-2.0
#include "export/spool_file.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/compress.h"
#include "base/sha256.h"

namespace podo::exporting {
namespace {

constexpr std::string_view kMagic("PODOSPL\x1a", 8);
constexpr uint32_t kVersion = 1;
constexpr size_t kVersionAt = 8, kFormatAt = 12, kCodingAt = 13, kWrapAt = 14, kLastAt = 15;
constexpr size_t kKeyAt = 16, kIdAt = 48, kNumbersAt = 64, kBodyBytesAt = 96, kPlainBytesAt = 104;
constexpr size_t kDigestAt = 112;
constexpr char kAsItIs = 0, kZstdPieces = 1;

// A member that base::GzipCompress begins: no name, no time. Then come a byte that tells the level,
// and the unknown system.
constexpr std::string_view kGzipStart("\x1f\x8b\x08\0\0\0\0\0", 8);
constexpr size_t kLeastGzipBytes = 20;
constexpr size_t kPieceHeaderBytes = 5;
// A push holds one profile. Reading a piece costs a start of zlib, which must not be had for 5
// bytes of a hostile file each.
constexpr size_t kMaxPieces = 64;
// Profiles shrink to a third; what unpacks to more was made by no encoder.
constexpr size_t kMaxPlainBytes = 4 * kMaxSpoolPayloadBytes;

template <typename T>
void PutNumber(std::string* bytes, size_t at, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    (*bytes)[at + i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
}

template <typename T>
T GetNumber(std::string_view bytes, size_t at) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  }
  return static_cast<T>(value);
}

base::Sha256::Digest DigestOf(std::string_view bytes) {
  base::Sha256 sha;
  sha.Add(bytes.substr(0, kDigestAt));
  sha.Add(bytes.substr(kSpoolHeaderBytes));
  return sha.Finish();
}

struct Unpacked {
  char level;
  std::string bytes;
};

// What `member` holds, if packing it again gives the same bytes.
std::optional<Unpacked> Unpack(std::string_view member) {
  const char hint = member[kGzipStart.size()];  // RFC 1952: 2 slowest, 4 fastest, else 0
  const int level = hint == 2 ? 9 : hint == 4 ? 1 : base::kGzipLevel;
  absl::StatusOr<std::string> plain = base::GzipDecompress(member, kMaxSpoolPayloadBytes);
  if (!plain.ok()) return std::nullopt;
  const absl::StatusOr<std::string> again = base::GzipCompress(*plain, level);
  if (!again.ok() || *again != member) return std::nullopt;
  return Unpacked{static_cast<char>(level), *std::move(plain)};
}

// The length of the member at `at`: all there is, or what the protobuf length before it says. None
// if that cannot be.
size_t MemberBytes(std::string_view bytes, size_t at) {
  if (at == 0) return bytes.size();
  constexpr size_t kMaxVarint = 5;
  size_t first = at - 1;
  if ((bytes[first] & 0x80) != 0) return 0;
  while (first > 0 && at - first < kMaxVarint && (bytes[first - 1] & 0x80) != 0) --first;
  uint64_t length = 0;
  for (size_t i = first; i < at; ++i) {
    length |= uint64_t{static_cast<uint8_t>(bytes[i] & 0x7f)} << (7 * (i - first));
  }
  return length <= bytes.size() - at ? static_cast<size_t>(length) : 0;
}

void AddPiece(std::string* pieces, char level, std::string_view bytes) {
  if (bytes.empty()) return;
  const size_t at = pieces->size();
  pieces->resize(at + kPieceHeaderBytes);
  (*pieces)[at] = level;
  PutNumber(pieces, at + 1, static_cast<uint32_t>(bytes.size()));
  pieces->append(bytes);
}

std::string SplitIntoPieces(std::string_view bytes) {
  std::string pieces;
  size_t done = 0, at = 0;
  for (size_t tries = 0; tries < kMaxPieces / 2 - 1; ++tries) {
    at = bytes.find(kGzipStart, at);
    if (at == bytes.npos) break;
    const size_t size = MemberBytes(bytes, at);
    std::optional<Unpacked> member;
    if (size >= kLeastGzipBytes) member = Unpack(bytes.substr(at, size));
    if (!member || pieces.size() + member->bytes.size() > kMaxPlainBytes / 2) {
      ++at;
      continue;
    }
    AddPiece(&pieces, 0, bytes.substr(done, at - done));
    AddPiece(&pieces, member->level, member->bytes);
    done = at += size;
  }
  AddPiece(&pieces, 0, bytes.substr(done));
  return pieces;
}

absl::StatusOr<std::string> JoinPieces(std::string_view pieces) {
  std::string joined;
  for (size_t count = 0; !pieces.empty(); ++count) {
    if (count == kMaxPieces || pieces.size() < kPieceHeaderBytes) {
      return absl::DataLossError("damaged spool file: its pieces are cut short");
    }
    const char level = pieces[0];
    const auto size = GetNumber<uint32_t>(pieces, 1);
    pieces.remove_prefix(kPieceHeaderBytes);
    if (size > pieces.size()) {
      return absl::DataLossError("damaged spool file: a piece is longer than what is there");
    }
    if (level == 0) {
      joined.append(pieces.substr(0, size));
    } else {
      const absl::StatusOr<std::string> member = base::GzipCompress(pieces.substr(0, size), level);
      if (!member.ok()) {
        return absl::DataLossError(absl::StrCat("damaged spool file: ", member.status().message()));
      }
      joined.append(*member);
    }
    pieces.remove_prefix(size);
  }
  return joined;
}

absl::Status CheckHeader(std::string_view bytes) {
  if (bytes.size() < kSpoolHeaderBytes) {
    if (IsSpoolFile(bytes)) return absl::DataLossError("damaged spool file: cut short");
    return absl::InvalidArgumentError("no spool file");
  }
  if (!bytes.starts_with(kMagic)) return absl::InvalidArgumentError("no spool file");
  const auto version = GetNumber<uint32_t>(bytes, kVersionAt);
  if (version > kVersion) {
    return absl::UnimplementedError(
        absl::StrCat("spool file of version ", version, "; known here: up to ", kVersion));
  }
  if (GetNumber<uint64_t>(bytes, kBodyBytesAt) != bytes.size() - kSpoolHeaderBytes) {
    return absl::DataLossError("damaged spool file: not as long as it says");
  }
  const base::Sha256::Digest digest = DigestOf(bytes);
  if (!std::equal(digest.begin(), digest.end(),
                  reinterpret_cast<const uint8_t*>(bytes.data()) + kDigestAt)) {
    return absl::DataLossError("damaged spool file: its checksum is wrong");
  }
  const auto format = static_cast<uint8_t>(bytes[kFormatAt]);
  const auto coding = static_cast<uint8_t>(bytes[kCodingAt]);
  if (version == 0 || format < static_cast<uint8_t>(PayloadFormat::kPprof) ||
      format > static_cast<uint8_t>(PayloadFormat::kPyroscope) ||
      coding > static_cast<uint8_t>(PayloadCoding::kZstd)) {
    return absl::DataLossError(
        absl::StrCat("damaged spool file: format ", format, ", coding ", coding));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DecodeBody(std::string_view bytes) {
  const std::string_view body = bytes.substr(kSpoolHeaderBytes);
  if (bytes[kWrapAt] == kAsItIs) return std::string(body);
  const auto plain_bytes = GetNumber<uint64_t>(bytes, kPlainBytesAt);
  if (bytes[kWrapAt] != kZstdPieces || plain_bytes > kMaxPlainBytes) {
    return absl::DataLossError("damaged spool file: wrapped in no known way");
  }
  const absl::StatusOr<std::string> pieces = base::ZstdDecompress(body, plain_bytes);
  if (!pieces.ok()) {
    return absl::DataLossError(absl::StrCat("damaged spool file: ", pieces.status().message()));
  }
  return JoinPieces(*pieces);
}

}  // namespace

bool IsSpoolFile(std::string_view beginning) {
  const size_t compared = std::min(beginning.size(), kMagic.size());
  return beginning.substr(0, compared) == kMagic.substr(0, compared);
}

void SealSpoolFile(std::string* bytes) {
  PutNumber(bytes, kBodyBytesAt, uint64_t{bytes->size() - kSpoolHeaderBytes});
  const base::Sha256::Digest digest = DigestOf(*bytes);
  std::copy(digest.begin(), digest.end(), bytes->begin() + kDigestAt);
}

absl::StatusOr<std::string> EncodeSpoolFile(const SpoolKey& key, const Payload& payload) {
  const std::string& bytes = *payload.bytes;
  if (bytes.size() > kMaxSpoolPayloadBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot spool a payload of more than ", kMaxSpoolPayloadBytes >> 20, " MiB"));
  }
  std::string file(kSpoolHeaderBytes, '\0');
  kMagic.copy(file.data(), kMagic.size());
  PutNumber(&file, kVersionAt, kVersion);
  file[kFormatAt] = static_cast<char>(payload.format);
  file[kCodingAt] = static_cast<char>(payload.coding);
  file[kLastAt] = payload.is_last ? 1 : 0;
  std::copy(key.begin(), key.end(), file.begin() + kKeyAt);
  std::copy(payload.id.begin(), payload.id.end(), file.begin() + kIdAt);
  PutNumber(&file, kNumbersAt, payload.window_seq);
  PutNumber(&file, kNumbersAt + 8, payload.start_ns);
  PutNumber(&file, kNumbersAt + 16, payload.duration_ns);
  PutNumber(&file, kNumbersAt + 24, payload.samples);

  std::string pieces;
  absl::StatusOr<std::string> packed = std::string();
  if (!base::IsZstd(bytes)) {
    pieces = SplitIntoPieces(bytes);
    packed = base::ZstdCompress(pieces);
    if (!packed.ok()) return packed.status();
  }
  const bool smaller = !packed->empty() && packed->size() < bytes.size();
  file[kWrapAt] = smaller ? kZstdPieces : kAsItIs;
  PutNumber(&file, kPlainBytesAt, uint64_t{smaller ? pieces.size() : bytes.size()});
  file.append(smaller ? *packed : bytes);
  SealSpoolFile(&file);
  return file;
}

absl::StatusOr<SpoolFile> DecodeSpoolFile(std::string_view bytes) {
  if (absl::Status header = CheckHeader(bytes); !header.ok()) return header;
  absl::StatusOr<std::string> body = DecodeBody(bytes);
  if (!body.ok()) return body.status();
  SpoolFile file;
  Payload& payload = file.payload;
  payload.format = static_cast<PayloadFormat>(bytes[kFormatAt]);
  payload.coding = static_cast<PayloadCoding>(bytes[kCodingAt]);
  payload.is_last = bytes[kLastAt] != 0;
  std::copy_n(bytes.begin() + kKeyAt, file.key.size(), file.key.begin());
  std::copy_n(bytes.begin() + kIdAt, payload.id.size(), payload.id.begin());
  payload.window_seq = GetNumber<uint64_t>(bytes, kNumbersAt);
  payload.start_ns = GetNumber<int64_t>(bytes, kNumbersAt + 8);
  payload.duration_ns = GetNumber<int64_t>(bytes, kNumbersAt + 16);
  payload.samples = GetNumber<uint64_t>(bytes, kNumbersAt + 24);
  payload.bytes = std::make_shared<const std::string>(*std::move(body));
  return file;
}

}  // namespace podo::exporting
