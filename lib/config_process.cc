// SPDX-License-Identifier: Apache-2.0
// The configuration of this very process.
#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "config.h"
#include "resource.h"

namespace podo {

Config ReadProcessConfig(const char* const* environment, std::vector<std::string>* messages) {
  const char* const* entries = environment != nullptr ? environment : environ;
  size_t count = 0;
  while (entries != nullptr && entries[count] != nullptr) ++count;
  const bool is_secure = getauxval(AT_SECURE) != 0;
  const std::string path = ReadExecutablePath();
  Config config =
      ParseConfig({entries, count}, is_secure, path.substr(path.rfind('/') + 1), messages);
  if (config.enabled.value) {
    config.detected_attributes =
        DetectAttributes(ReadProcessFacts(), {entries, is_secure ? 0 : count});
  }
  return config;
}

void RedetectProcess(Config* config) {
  const Labels now = DetectAttributes(ReadProcessFacts(), {});
  const auto of_process = [](const base::KeyValue& label) {
    return label.key == kInstanceId || label.key == kPid;
  };
  std::erase_if(config->detected_attributes, of_process);
  std::copy_if(now.begin(), now.end(), std::back_inserter(config->detected_attributes), of_process);
  for (Labels* given : {&config->labels.value, &config->resource_attributes.value}) {
    for (base::KeyValue& label : *given) {
      if (label.key == kInstanceId) absl::StrAppend(&label.value, "-", getpid());
    }
  }
}

}  // namespace podo
