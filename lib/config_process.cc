// SPDX-License-Identifier: Apache-2.0
// The configuration of this very process.
#include <sys/auxv.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <string_view>

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

}  // namespace podo
