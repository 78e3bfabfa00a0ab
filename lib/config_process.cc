// SPDX-License-Identifier: Apache-2.0
// The configuration of this very process.
#include <errno.h>
#include <limits.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "config.h"

namespace podo {
namespace {

// The executable's own file name, whatever argv[0] claims: OpenTelemetry's
// process.executable.name.
std::string ExecutableName() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return program_invocation_short_name;  // no /proc
  std::string_view name(path, static_cast<size_t>(size));
  constexpr std::string_view kDeleted = " (deleted)";  // the kernel's mark of a replaced file
  if (name.ends_with(kDeleted)) name.remove_suffix(kDeleted.size());
  return std::string(name.substr(name.rfind('/') + 1));
}

}  // namespace

Config ReadProcessConfig(const char* const* environment, std::vector<std::string>* messages) {
  const char* const* entries = environment != nullptr ? environment : environ;
  size_t count = 0;
  while (entries != nullptr && entries[count] != nullptr) ++count;
  return ParseConfig({entries, count}, getauxval(AT_SECURE) != 0, ExecutableName(), messages);
}

}  // namespace podo
