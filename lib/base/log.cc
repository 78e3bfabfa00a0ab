// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace podo::base {
namespace {

// Relaxed: a level is a preference, no other memory depends on it.
std::atomic<LogLevel> g_level{LogLevel::kWarning};

}  // namespace

void SetLogLevel(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }
LogLevel GetLogLevel() { return g_level.load(std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view message) {
  if (level == LogLevel::kOff || level > GetLogLevel()) return;
  constexpr size_t kMaxLine = 1024;
  constexpr std::string_view kPrefix = "podo: ";
  char line[kMaxLine];
  size_t size = kPrefix.copy(line, kPrefix.size());
  const size_t body = std::min(message.size(), kMaxLine - kPrefix.size() - 1);
  for (size_t i = 0; i < body; ++i) {
    const unsigned char c = static_cast<unsigned char>(message[i]);
    line[size++] = c < 0x20 || c == 0x7f ? ' ' : message[i];
  }
  line[size++] = '\n';
  const int saved_errno = errno;
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, size);
  errno = saved_errno;
}

}  // namespace podo::base
