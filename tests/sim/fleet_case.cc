// SPDX-License-Identifier: Apache-2.0
// `podo_fleet_case key=value...` simulates one scenario and prints it as JSON: totals, and the
// requests of every second.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "fleet.h"

int main(int argc, char** argv) {
  using podo::sim::kSecond;
  std::map<std::string, int64_t> value;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    if (equals == std::string::npos) return 2;
    value[argument.substr(0, equals)] = std::atoll(argument.c_str() + equals + 1);
  }
  podo::sim::Scenario scenario;
  scenario.instances = static_cast<size_t>(value["instances"]);
  scenario.interval_ns = value["interval_s"] * kSecond;
  scenario.duration_ns = value["duration_s"] * kSecond;
  scenario.started_within_ns = value["started_within_s"] * kSecond;
  scenario.capacity_per_s = static_cast<uint64_t>(value["capacity"]);
  scenario.outage_begin_ns = value["outage_begin_s"] * kSecond;
  scenario.outage_end_ns = value["outage_end_s"] * kSecond;
  const podo::sim::Result result = podo::sim::Simulate(scenario);
  std::printf("{\"windows\": %llu, \"sent\": %llu, \"lost\": %llu, \"waiting\": %llu,\n",
              static_cast<unsigned long long>(result.windows),
              static_cast<unsigned long long>(result.sent),
              static_cast<unsigned long long>(result.lost),
              static_cast<unsigned long long>(result.waiting));
  const char* separator = "";
  std::printf("\"seconds\": [");
  for (const podo::sim::Second& second : result.seconds) {
    std::printf("%s[%u,%u,%u]", separator, second.requests, second.accepted, second.late);
    separator = ",";
  }
  std::printf("]}\n");
  return 0;
}
