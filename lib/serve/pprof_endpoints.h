// SPDX-License-Identifier: Apache-2.0
// /debug/pprof/*, as Go's net/http/pprof answers, so that go tool pprof, Grafana Alloy, Parca and
// Pyroscope's agent read it unchanged.
//
// Byte conventions (net/http/pprof of Go 1.19 to 1.25): a profile is gzip inside the body, without
// Content-Encoding; errors are text/plain with X-Go-Pprof: 1, whose text the tools print.
#ifndef PODO_LIB_SERVE_PPROF_ENDPOINTS_H_
#define PODO_LIB_SERVE_PPROF_ENDPOINTS_H_

#include <functional>

#include "serve/exchange.h"
#include "serve/query_text.h"
#include "serve/sources.h"

namespace podo::serve {

inline constexpr int64_t kMaxRecordSeconds = 300;

// Answers at once, or when the recording asked for is over. `is_waiting`: somebody still wants the
// answer.
void AnswerPprof(const Request& request, const Target& target, const Sources& sources,
                 std::function<bool()> is_waiting, Respond respond);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_PPROF_ENDPOINTS_H_
