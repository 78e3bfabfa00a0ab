// SPDX-License-Identifier: Apache-2.0
// What the HTTP side shows, and where it gets it from: functions, so that tests can stand in for
// the process.
#ifndef PODO_LIB_SERVE_SOURCES_H_
#define PODO_LIB_SERVE_SOURCES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "history/query.h"
#include "model/profile.h"
#include "podo/podo_c.h"
#include "serve/range.h"

namespace podo::serve {

// What does not change in a run.
struct Identity {
  std::string service;
  std::string instance_id;
  std::string version;
  std::string host;
  std::string program;  // path of the executable
  int64_t pid = 0;
  int64_t started_ns = 0;  // Unix epoch
  int64_t window_ns = 0;
  uint64_t history_max_bytes = 0;
};

struct Sources {
  Identity identity;
  std::function<int64_t()> now_ns;  // Unix epoch
  std::function<podo_stats()> stats;
  // Why profiling is off; "" while it is on.
  std::function<std::string()> stopped_because;

  std::function<base::StatusOr<history::ProfileAnswer>(const history::Query&)> profile;
  std::function<base::StatusOr<history::Timeline>(const history::TimelineQuery&)> timeline;
  std::function<base::StatusOr<std::vector<history::LabelKey>>(const history::Query&, size_t)>
      labels;
  std::function<history::HistoryStats()> history_stats;

  // Records for `duration_ns` from now on, then calls `finished` once, on any thread; unless
  // `given_up` says that nobody waits any more. False if too many are recording.
  std::function<bool(int64_t duration_ns, std::function<bool()> given_up,
                     std::function<void(model::Profile)> finished)>
      record;
  // A name for each address, "" where nothing is known. May take a second.
  std::function<std::vector<std::string>(const std::vector<uint64_t>&)> names;
  CompilePattern compile_pattern;
  // The text of /metrics.
  std::function<std::string(bool openmetrics)> metrics;
};

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_SOURCES_H_
