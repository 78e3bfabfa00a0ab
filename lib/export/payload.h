// SPDX-License-Identifier: Apache-2.0
// Encoded bytes on their way to a sink, with all a sink or the spool has to know of them.
#ifndef PODO_LIB_EXPORT_PAYLOAD_H_
#define PODO_LIB_EXPORT_PAYLOAD_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>

// `export` is a keyword, hence the room's namespace.
namespace podo::exporting {

// The numbers stand in spool files.
enum class PayloadFormat : uint8_t {
  kPprof = 1,      // gzip-compressed pprof
  kFolded = 2,     // folded stacks, text
  kHtml = 3,       // self-contained flame-graph page
  kOtlp = 4,       // ExportProfilesServiceRequest
  kPyroscope = 5,  // push.v1 PushRequest
};

enum class PayloadScope : uint8_t {
  kWindow,  // one window; each is sent once
  kRun,     // all since Start(); each replaces the one before
};

// How `bytes` are wrapped beyond the format itself: the Content-Encoding on the wire.
enum class PayloadCoding : uint8_t { kNone = 0, kGzip = 1, kZstd = 2 };

using PayloadId = std::array<uint8_t, 16>;

struct Payload {
  PayloadFormat format = PayloadFormat::kPprof;
  PayloadCoding coding = PayloadCoding::kNone;
  PayloadId id{};  // the profile id in it: the same in every attempt
  // What goes out, byte by byte, in every attempt. Never null; shared by sinks of equal format.
  std::shared_ptr<const std::string> bytes = std::make_shared<const std::string>();
  uint64_t window_seq = 0;  // of the (last) window in it, from 0
  int64_t start_ns = 0;     // begin of what it covers, Unix epoch
  int64_t duration_ns = 0;
  uint64_t samples = 0;  // distinct ones in it
  bool is_last = false;  // nothing comes after it: Stop() or exit
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_PAYLOAD_H_
