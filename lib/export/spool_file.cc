// SPDX-License-Identifier: Apache-2.0
#include "export/spool_file.h"

#include <algorithm>
#include <memory>
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
constexpr char kAsItIs = 0, kZstd = 1;

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

base::Status CheckHeader(std::string_view bytes) {
  if (bytes.size() < kSpoolHeaderBytes) {
    if (IsSpoolFile(bytes)) return base::DataLossError("damaged spool file: cut short");
    return base::InvalidArgumentError("no spool file");
  }
  if (!bytes.starts_with(kMagic)) return base::InvalidArgumentError("no spool file");
  const auto version = GetNumber<uint32_t>(bytes, kVersionAt);
  if (version > kVersion) {
    return base::UnimplementedError(
        absl::StrCat("spool file of version ", version, "; known here: up to ", kVersion));
  }
  if (GetNumber<uint64_t>(bytes, kBodyBytesAt) != bytes.size() - kSpoolHeaderBytes) {
    return base::DataLossError("damaged spool file: not as long as it says");
  }
  const base::Sha256::Digest digest = DigestOf(bytes);
  if (!std::equal(digest.begin(), digest.end(),
                  reinterpret_cast<const uint8_t*>(bytes.data()) + kDigestAt)) {
    return base::DataLossError("damaged spool file: its checksum is wrong");
  }
  const auto format = static_cast<uint8_t>(bytes[kFormatAt]);
  const auto coding = static_cast<uint8_t>(bytes[kCodingAt]);
  if (version == 0 || format < static_cast<uint8_t>(PayloadFormat::kPprof) ||
      format > static_cast<uint8_t>(PayloadFormat::kPyroscope) ||
      coding > static_cast<uint8_t>(PayloadCoding::kZstd)) {
    return base::DataLossError(
        absl::StrCat("damaged spool file: format ", format, ", coding ", coding));
  }
  return base::OkStatus();
}

base::StatusOr<std::string> DecodeBody(std::string_view bytes) {
  const std::string_view body = bytes.substr(kSpoolHeaderBytes);
  if (bytes[kWrapAt] == kAsItIs) return std::string(body);
  const auto plain_bytes = GetNumber<uint64_t>(bytes, kPlainBytesAt);
  if (bytes[kWrapAt] != kZstd || plain_bytes > kMaxSpoolPayloadBytes) {
    return base::DataLossError("damaged spool file: wrapped in no known way");
  }
  base::StatusOr<std::string> plain = base::ZstdDecompress(body, plain_bytes);
  if (plain.ok()) return plain;
  return base::DataLossError(absl::StrCat("damaged spool file: ", plain.status().message()));
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

base::StatusOr<std::string> EncodeSpoolFile(const SpoolKey& key, const Payload& payload) {
  const std::string& bytes = *payload.bytes;
  if (bytes.size() > kMaxSpoolPayloadBytes) {
    return base::ResourceExhaustedError(
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

  base::StatusOr<std::string> packed = std::string();
  if (!base::IsGzip(bytes) && !base::IsZstd(bytes)) {
    packed = base::ZstdCompress(bytes);
    if (!packed.ok()) return packed.status();
  }
  const bool smaller = !packed->empty() && packed->size() < bytes.size();
  file[kWrapAt] = smaller ? kZstd : kAsItIs;
  PutNumber(&file, kPlainBytesAt, uint64_t{bytes.size()});
  file.append(smaller ? *packed : bytes);
  SealSpoolFile(&file);
  return file;
}

base::StatusOr<SpoolFile> DecodeSpoolFile(std::string_view bytes) {
  if (base::Status header = CheckHeader(bytes); !header.ok()) return header;
  base::StatusOr<std::string> body = DecodeBody(bytes);
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
