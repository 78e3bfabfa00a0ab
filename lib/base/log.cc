// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace podo::base {
namespace {

// Relaxed: a level is a preference, no other memory depends on it.
std::atomic<LogLevel> g_level{LogLevel::kWarning};

// The file that was stderr at the first Start; relaxed, written once before podo's threads exist.
std::atomic<bool> g_known{false};
std::atomic<dev_t> g_device{0};
std::atomic<ino_t> g_inode{0};

void NoteStderr() {
  struct stat now;
  if (g_known.load(std::memory_order_relaxed) || fstat(STDERR_FILENO, &now) != 0) return;
  g_device.store(now.st_dev, std::memory_order_relaxed);
  g_inode.store(now.st_ino, std::memory_order_relaxed);
  g_known.store(true, std::memory_order_relaxed);
}

// A host that closes all descriptors may get number 2 again for a connection or a database. Another
// file than at first is only taken for stderr if it looks like a place for a log: a terminal or
// /dev/null, or something opened for writing only that is no socket.
bool IsStderr() {
  struct stat now;
  if (fstat(STDERR_FILENO, &now) != 0) return false;
  if (!g_known.load(std::memory_order_relaxed)) return !S_ISSOCK(now.st_mode);
  if (now.st_dev == g_device.load(std::memory_order_relaxed) &&
      now.st_ino == g_inode.load(std::memory_order_relaxed)) {
    return true;
  }
  if (S_ISCHR(now.st_mode)) return true;
  return !S_ISSOCK(now.st_mode) && (fcntl(STDERR_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY;
}

}  // namespace

void SetLogLevel(LogLevel level) {
  NoteStderr();
  g_level.store(level, std::memory_order_relaxed);
}
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
  if (IsStderr()) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, size);
  }
  errno = saved_errno;
}

}  // namespace podo::base
