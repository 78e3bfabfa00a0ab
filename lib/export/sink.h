// SPDX-License-Identifier: Apache-2.0
// A sink: takes one payload, answers once. Queue, retry, counting and logging are the exporter's
// part.
#ifndef PODO_LIB_EXPORT_SINK_H_
#define PODO_LIB_EXPORT_SINK_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "export/payload.h"
#include "export/send_outcome.h"

namespace podo::exporting {

// Each one costs a thread, and an encoding per window and format.
inline constexpr size_t kMaxSinks = 8;

// What a sink's receiver can do with payloads that come late.
struct SinkManners {
  // kRetry outcomes are repeated, by queue and spool. Without, a payload has one attempt: a file
  // system that refuses a window will refuse it again, and the next window tells more.
  bool retries = false;
  // Uploads are spread over the interval, so that a fleet does not send in step.
  bool is_remote = false;
  // Older payloads (by their begin) are refused by the receiver; 0: it has no such limit.
  int64_t max_age_ns = 0;
};

// Used by one thread at a time, the exporter's own, on which all signals are blocked.
class Sink {
 public:
  virtual ~Sink() = default;

  // What the pipeline has to encode for this sink.
  virtual PayloadFormat format() const = 0;
  virtual PayloadScope scope() const = 0;
  // How its OTLP requests are to be compressed; the other formats hold gzip themselves.
  virtual PayloadCoding coding() const { return PayloadCoding::kNone; }
  virtual SinkManners manners() const { return {}; }
  // Names the sink in the log; holds no secret.
  virtual const std::string& name() const = 0;

  // Called once, before the first Send and as early as the exporter's thread runs. May block.
  virtual void Prepare() {}

  // Delivers the payload, or says why not. Equal causes have equal reasons. May block, at most
  // about `timeout_ns` where it waits for others.
  virtual SendOutcome Send(const Payload& payload, int64_t timeout_ns) = 0;

  // The process is about to end: a Send that waits for others returns soon, as kRetry. From any
  // thread, also when no Send is under way.
  virtual void Interrupt() {}
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_SINK_H_
