// SPDX-License-Identifier: Apache-2.0
// The text of /metrics: podo's own state, and CPU time by function and label value.
//
// Prometheus text format 0.0.4, or OpenMetrics 1.0.0. docs/metrics.md lists the metrics.
#ifndef PODO_LIB_SERVE_METRICS_H_
#define PODO_LIB_SERVE_METRICS_H_

#include <string>
#include <string_view>

#include "history/query.h"
#include "podo/podo_c.h"
#include "serve/cpu_totals.h"

namespace podo::serve {

struct HttpCounts {
  uint64_t requests = 0;
  uint64_t refused = 0;  // connections and requests, for any reason
  uint64_t connections = 0;
};

struct MetricsInput {
  std::string version;
  podo_stats stats = {};
  bool is_on = true;  // profiling
  CpuTotals::Snapshot cpu;
  bool has_history = false;
  history::HistoryStats history;
  bool has_http = false;
  HttpCounts http;
};

// Pure. Series are sorted, so that equal inputs give equal texts.
std::string MetricsText(const MetricsInput& input, bool openmetrics);

std::string MetricsContentType(bool openmetrics);
// By the Accept header, whose order and weights are ignored, as most exporters do: who names
// OpenMetrics reads it.
bool WantsOpenMetrics(std::string_view accept);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_METRICS_H_
