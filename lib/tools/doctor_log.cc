// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_log.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace podo::doctor {
namespace {

constexpr std::string_view kPrefix = "podo: ";

using Numbers = std::map<std::string, double, std::less<>>;

// "ticks=166 taken=166 | incomplete=165": what is no NAME=NUMBER is passed over.
Numbers ReadNumbers(std::string_view line) {
  Numbers numbers;
  const std::vector<std::string> words = absl::StrSplit(std::string(line), ' ', absl::SkipEmpty());
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    double value = 0;
    if (equals == word.npos || !absl::SimpleAtod(word.substr(equals + 1), &value)) continue;
    if (value >= 0 && value < 1e18) numbers[word.substr(0, equals)] = value;
  }
  return numbers;
}

double Get(const Numbers& numbers, std::string_view name) {
  const auto found = numbers.find(name);
  return found == numbers.end() ? 0 : found->second;
}

}  // namespace

double RunTotals::Sum(std::string_view name) const { return Get(sums, name); }

double RunTotals::SamplingRatio() const {
  return host_cpu_ms > 0 ? ticked_cpu_ms / host_cpu_ms : 0;
}

RunLog ReadRunLog(const std::vector<std::string>& lines) {
  RunLog log;
  Numbers ticks;  // of the process whose second line comes next
  for (std::string_view line : lines) {
    if (!line.starts_with(kPrefix)) continue;
    line.remove_prefix(kPrefix.size());
    if (line.starts_with("ticks=")) {
      ticks = ReadNumbers(line);
      ++log.totals.processes;
      for (const auto& [name, value] : ticks) log.totals.sums[name] += value;
    } else if (line.starts_with("cpu_ms=")) {
      const Numbers cpu = ReadNumbers(line);
      for (const auto& [name, value] : cpu) log.totals.sums[name] += value;
      const double hz = Get(cpu, "hz");
      // A tick that came late stands for the periods that had passed as well.
      const double host_ticks = Get(ticks, "ticks") + Get(ticks, "overruns") -
                                Get(ticks, "own_ticks") - Get(ticks, "foreign");
      if (hz > 0) log.totals.ticked_cpu_ms += std::max(host_ticks, 0.0) * 1000 / hz;
      log.totals.host_cpu_ms += std::max(Get(cpu, "cpu_ms") - Get(cpu, "own_cpu_us") / 1000, 0.0);
    } else if (line.starts_with("profiling ")) {
      log.starts.emplace_back(line.substr(std::string_view("profiling ").size()));
    } else if (std::find(log.complaints.begin(), log.complaints.end(), line) ==
               log.complaints.end()) {
      log.complaints.emplace_back(line);
    }
  }
  return log;
}

}  // namespace podo::doctor
