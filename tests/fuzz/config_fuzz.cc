// SPDX-License-Identifier: Apache-2.0
// An environment (entries divided by line ends) -> configuration, options and paths, with promises
// that hold whatever stands in it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "config.h"
#include "model/utf8.h"

namespace {

void Demand(bool holds) {
  if (!holds) abort();
}

void CheckConfig(const podo::Config& config) {
  Demand(!config.service_name.value.empty() && config.service_name.value.size() <= 255);
  Demand(podo::model::IsValidUtf8(config.service_name.value));
  Demand(config.sample_hz.value >= 1 && config.sample_hz.value <= 10'000);
  Demand(config.max_frames.value >= 8 && config.max_frames.value <= 1024);
  Demand(config.interval_ns.value >= 100'000'000);
  Demand(config.exit_timeout_ns.value >= 0);
  for (const podo::base::KeyValue& label : podo::AllLabels(config)) {
    Demand(!label.key.empty() && label.key.size() <= 256 && label.value.size() <= 1024);
    Demand(podo::model::IsValidUtf8(label.key) && podo::model::IsValidUtf8(label.value));
  }
  for (const podo::exporting::SinkSpec& sink : config.sinks.value) {
    const std::string path = sink.path.Expand({config.service_name.value, 1, 0});
    Demand(path.starts_with('/') && path.find('\0') == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  std::vector<const char*> entries;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end < text.size()) text[end] = '\0';
    entries.push_back(text.c_str() + begin);
    begin = end + 1;
  }
  std::vector<std::string> messages;
  podo::Config config = podo::ParseConfig(entries, false, "exe", &messages);
  CheckConfig(config);

  podo_options options = {};
  options.size = sizeof options;
  options.service_name = options.labels = options.export_to = text.c_str();
  Demand(podo::ApplyOptions(options, &config, &messages).ok());
  CheckConfig(config);
  for (const std::string& line : messages) {
    Demand(podo::model::IsValidUtf8(line) && line.size() <= 1000);
  }
  return 0;
}
