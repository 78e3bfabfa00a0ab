// SPDX-License-Identifier: Apache-2.0
// gzip and zstd, whole buffers at a time. The only home of zlib and libzstd.
//
// Compression is deterministic: equal bytes in give equal bytes out, so that a payload sent again
// is byte-identical. Decompression takes hostile input: it never makes more than `max_bytes`, and
// says what is wrong in one line. All functions are pure and thread-safe.
#ifndef PODO_LIB_BASE_COMPRESS_H_
#define PODO_LIB_BASE_COMPRESS_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace podo::base {

// zlib's default. By measurement on profiles of redis, rocksdb and clang++ (docs/benchmarks.md), 9
// is within 1 % of it at up to twice the time, and 4 is 1 % to 7 % larger.
inline constexpr int kGzipLevel = 6;
// zstd's own default; encode + compress take a quarter to two thirds of the time with gzip 6. As
// small as that on addresses, 3 % to 13 % larger with symbols.
inline constexpr int kZstdLevel = 3;

// True if `bytes` begin like a gzip member or a zstd frame.
bool IsGzip(std::string_view bytes);
bool IsZstd(std::string_view bytes);

// One gzip member with modification time 0 and no name. `level` is 1 (fast) to 9 (small).
// Costs about 160 KiB of scratch memory. Fails only when out of memory or on a bad level.
StatusOr<std::string> GzipCompress(std::string_view raw, int level = kGzipLevel);

// All members of a gzip file. ResourceExhausted if they hold more than `max_bytes`,
// InvalidArgument if they are damaged, cut short or followed by something else.
StatusOr<std::string> GzipDecompress(std::string_view compressed, size_t max_bytes);

// One zstd frame with content size and checksum. `level` is 1 to 19.
StatusOr<std::string> ZstdCompress(std::string_view raw, int level = kZstdLevel);

// All frames of a zstd file, with the errors of GzipDecompress. Frames that want a window of more
// than 8 MiB (zstd --long, --ultra) are refused: a window is memory claimed before any output.
StatusOr<std::string> ZstdDecompress(std::string_view compressed, size_t max_bytes);

}  // namespace podo::base

#endif  // PODO_LIB_BASE_COMPRESS_H_
