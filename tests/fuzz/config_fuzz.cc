// SPDX-License-Identifier: Apache-2.0
// An environment (entries divided by line ends) -> configuration, options, sinks and what they
// send, attributes; the same text as cgroup and mountinfo. With promises that hold whatever stands
// in it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "config.h"
#include "config_http.h"
#include "model/utf8.h"
#include "resource.h"

namespace {

void Demand(bool holds) {
  if (!holds) abort();
}

// No byte that could end a line or a header.
bool IsOneLine(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= ' ' && c != 0x7f; });
}

void CheckSink(const podo::Config& config, const podo::exporting::SinkSpec& sink) {
  Demand(podo::model::IsValidUtf8(sink.url));
  if (!sink.IsHttp()) {
    const std::string path = sink.path.Expand({config.service_name.value, 1, 0});
    Demand(path.starts_with('/') && path.find('\0') == std::string::npos);
    return;
  }
  Demand(IsOneLine(sink.url));
  Demand(!sink.target.unix_path.empty() || sink.url.find('?') == std::string::npos);
  const std::string path = sink.kind == podo::exporting::SinkSpec::Kind::kPprofPost
                               ? sink.post.Expand({config.service_name.value, 1, 2, "cpu", 100})
                               : sink.target.path;
  Demand(path.starts_with('/') && IsOneLine(path) && path.find(' ') == std::string::npos);
  Demand(sink.target.host.empty() != sink.target.unix_path.empty());
  const podo::HttpSettings settings = podo::HttpSettingsOf(config, sink);
  for (const auto& [name, value] : settings.headers) {
    Demand(!name.empty() && name.find_first_of(" :\r\n") == std::string::npos);
    Demand(IsOneLine(value));
  }
  Demand(settings.timeout_ns > 0);
  Demand(settings.tls.client_certificate.empty() == settings.tls.client_key.empty());
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
  for (const podo::exporting::SinkSpec& sink : config.sinks.value) CheckSink(config, sink);
  for (const podo::base::KeyValue& label : podo::ResourceLabels(config)) {
    Demand(podo::model::IsValidUtf8(label.key) && podo::model::IsValidUtf8(label.value));
  }
}

void CheckContainer(const std::string& text) {
  const std::string id = podo::FindContainerId(text, text);
  Demand(id.find_first_not_of("0123456789abcdef-") == std::string::npos);
  Demand(id.empty() || (id.size() >= 34 && id.size() <= 64));
  podo::ProcessFacts facts;
  facts.cgroup = facts.mountinfo = facts.host_name = facts.executable = facts.machine = text;
  for (const podo::base::KeyValue& label : podo::DetectAttributes(facts, {})) {
    Demand(!label.value.empty() && label.value.size() <= 1024);
    Demand(podo::model::IsValidUtf8(label.value));
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
  CheckContainer({reinterpret_cast<const char*>(bytes), size});
  std::vector<std::string> messages;
  podo::Config config = podo::ParseConfig(entries, false, "exe", &messages);
  CheckConfig(config);

  podo_options options = {};
  options.size = sizeof options;
  options.service_name = options.labels = options.export_to = text.c_str();
  options.headers = options.tenant = options.certificate = options.client_certificate =
      options.client_key = options.compression = options.spool_dir = text.c_str();
  Demand(podo::ApplyOptions(options, &config, &messages).ok());
  CheckConfig(config);
  for (const std::string& line : messages) {
    Demand(podo::model::IsValidUtf8(line) && line.size() <= 1000);
  }
  return 0;
}
