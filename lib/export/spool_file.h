// SPDX-License-Identifier: Apache-2.0
// One payload <-> the bytes of one spool file. Pure.
//
//   offset  size
//        0     8  "PODOSPL\x1a"
//        8     4  version of the format, 1; all numbers are little-endian
//       12     1  format of the payload
//       13     1  coding of the payload
//       14     1  0: the body is the payload; 1: it is zstd of it
//       15     1  1: nothing comes after this payload
//       16    32  key of the sink
//       48    16  payload id
//       64    32  window_seq, start_ns, duration_ns, samples
//       96     8  size of the body
//      104     8  size of the body once unpacked
//      112    32  SHA-256 of the 112 bytes above and the body
//      144        the body, to the file's end
//
// What is gzip or zstd already is kept as it is. Opening gzip for zstd was tried: on profiles with
// symbols level 3 is no smaller, level 15 is by a tenth, for five times the CPU (docs/delivery.md).
#ifndef PODO_LIB_EXPORT_SPOOL_FILE_H_
#define PODO_LIB_EXPORT_SPOOL_FILE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "export/payload.h"

namespace podo::exporting {

// Tells the sinks apart whose payloads lie in one directory: a hash of where and as whom they send.
using SpoolKey = std::array<uint8_t, 32>;

struct SpoolFile {
  SpoolKey key{};
  Payload payload;
};

// Far above what encoders make (4 MiB); larger ones are not stored.
inline constexpr size_t kMaxSpoolPayloadBytes = size_t{16} << 20;
// A file is no larger than its payload and a header.
inline constexpr size_t kMaxSpoolFileBytes = kMaxSpoolPayloadBytes + 4096;

// Equal arguments give equal bytes. ResourceExhausted if the payload is above
// kMaxSpoolPayloadBytes or memory is out. Costs under 1 ms of CPU for 100 KB.
base::StatusOr<std::string> EncodeSpoolFile(const SpoolKey& key, const Payload& payload);

// Errors: InvalidArgument if it is no spool file at all, Unimplemented if it is of a later version,
// DataLoss if it is damaged or cut short. The input may be hostile; memory stays bounded.
base::StatusOr<SpoolFile> DecodeSpoolFile(std::string_view bytes);

// True if `beginning` (8 bytes, or the whole file if that is shorter) is of a file of podo's. So is
// an empty one: what a power failure leaves of a file just renamed.
bool IsSpoolFile(std::string_view beginning);

// Writes sizes and checksum of the body that is there; for EncodeSpoolFile, and for tests that make
// files no encoder makes. `bytes` holds at least a header.
void SealSpoolFile(std::string* bytes);
inline constexpr size_t kSpoolHeaderBytes = 144;

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_SPOOL_FILE_H_
