// SPDX-License-Identifier: Apache-2.0
// Receivers over HTTP: asked once, as podo's sinks would ask, with nothing to deliver.
#ifndef PODO_LIB_TOOLS_DOCTOR_SINKS_H_
#define PODO_LIB_TOOLS_DOCTOR_SINKS_H_

#include <cstdint>
#include <string>

#include "config.h"
#include "export/send_outcome.h"
#include "tools/doctor_report.h"

namespace podo::doctor {

struct SinkFacts {
  exporting::SinkSpec::Kind kind = exporting::SinkSpec::Kind::kOtlp;
  std::string url;    // safe to print
  std::string proxy;  // host:port; empty: reached directly
  bool tls = false;
  bool sends_secret = false;  // headers, or a user in the URL
  int status = 0;             // of the answer; 0: there was none
  std::string reason;         // podo's line; with status 0 why there is none
  std::string unusable;       // why it was not even tried: no module, a bad proxy
};

// Resolves, connects, shakes hands and posts: an empty request to OTLP and Pyroscope receivers, an
// empty body to others, which is no profile. Waits 5 s at most.
SinkFacts ProbeSink(const Config& config, const exporting::SinkSpec& sink);

// Pure.
Finding JudgeSink(const SinkFacts& facts);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_SINKS_H_
