// SPDX-License-Identifier: Apache-2.0
// What podo's log said at the end of a run (PODO_LOG=info). Pure.
#ifndef PODO_LIB_TOOLS_DOCTOR_LOG_H_
#define PODO_LIB_TOOLS_DOCTOR_LOG_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace podo::doctor {

struct RunTotals {
  int processes = 0;                                // that said their totals
  std::map<std::string, double, std::less<>> sums;  // "ticks", "ring_full", ... of all of them
  // Host CPU and ticks of it, of all processes: each has a rate of its own.
  double host_cpu_ms = 0;
  double ticked_cpu_ms = 0;

  double Sum(std::string_view name) const;
  // Ticks x nominal period / CPU time; 0 if the program used none.
  double SamplingRatio() const;
};

struct RunLog {
  RunTotals totals;
  std::vector<std::string> starts;      // service names: "profiling NAME"
  std::vector<std::string> complaints;  // all else, without "podo: ", each once
};

// `lines` as podo wrote them, with "podo: ".
RunLog ReadRunLog(const std::vector<std::string>& lines);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_LOG_H_
