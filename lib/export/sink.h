// SPDX-License-Identifier: Apache-2.0
// A sink: takes one payload, answers once. Retry, counting and logging are the exporter's part.
#ifndef PODO_LIB_EXPORT_SINK_H_
#define PODO_LIB_EXPORT_SINK_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

// `export` is a keyword, hence the room's namespace.
namespace podo::exporting {

enum class PayloadFormat {
  kPprof,   // gzip-compressed pprof
  kFolded,  // folded stacks, text
  kHtml,    // self-contained flame-graph page
};

enum class PayloadScope {
  kWindow,  // one window; each is sent once
  kRun,     // all since Start(); each replaces the one before
};

// What one Send gets. `bytes` must outlive the call only.
struct Payload {
  std::string_view bytes;
  uint64_t window_seq = 0;  // of the (last) window in it, from 0
  int64_t start_ns = 0;     // begin of what it covers, Unix epoch
  int64_t duration_ns = 0;
  bool is_last = false;  // nothing comes after it: Stop() or exit
};

// Used by one thread at a time, podo's export thread, on which all signals are blocked.
class Sink {
 public:
  virtual ~Sink() = default;

  // What the pipeline has to encode for this sink.
  virtual PayloadFormat format() const = 0;
  virtual PayloadScope scope() const = 0;
  // Names the sink in the log; holds no secret.
  virtual const std::string& name() const = 0;

  // Called once, before the first Send and as early as the export thread runs. May block.
  virtual void Prepare() {}

  // Delivers the payload, or says why not: kUnavailable if a later try may succeed, any other error
  // if it cannot. Equal causes have equal messages. May block.
  virtual absl::Status Send(const Payload& payload) = 0;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_SINK_H_
