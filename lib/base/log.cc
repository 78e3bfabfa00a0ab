// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace podo::base {
namespace {

// Relaxed: a level is a preference, no other memory depends on it.
std::atomic<LogLevel> g_level{LogLevel::kWarning};

// The file that was stderr at first. Relaxed: written before podo's threads exist.
std::atomic<bool> g_open{false};
std::atomic<dev_t> g_device{0};
std::atomic<ino_t> g_inode{0};

bool IsSameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Number 2 need not be stderr: in a process that was started without one, or has closed all
// descriptors, it may be a connection or a database. So it is used only if it is the file it was at
// first, a terminal or /dev/null, or if the host has made 1 and 2 one file.
bool IsStderr() {
  struct stat now, output;
  if (fstat(STDERR_FILENO, &now) != 0) return false;
  if (g_open.load(std::memory_order_relaxed) &&
      now.st_dev == g_device.load(std::memory_order_relaxed) &&
      now.st_ino == g_inode.load(std::memory_order_relaxed)) {
    return true;
  }
  if (S_ISCHR(now.st_mode)) return true;
  // Not the two ends of a pipe, and not what has no type: all eventfds are one file.
  return (now.st_mode & S_IFMT) != 0 && fstat(STDOUT_FILENO, &output) == 0 &&
         IsSameFile(now, output) && (fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

// A full pipe would hold up the host for as long as nobody reads. A pipe that has room has room for
// a page, which is more than a line.
bool HasRoom() {
  pollfd waiting = {STDERR_FILENO, POLLOUT, 0};
  return poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLOUT) != 0;
}

// Writes on a thread that may be the host's: a reader that is gone, a file at RLIMIT_FSIZE or a
// terminal in the foreground of others must not end or stop the process.
void WriteWithoutSignals(const char* line, size_t size) {
  sigset_t quiet, before, pending;
  sigemptyset(&quiet);
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGTTOU}) sigaddset(&quiet, signal);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &quiet, &before);
  if (write(STDERR_FILENO, line, size) < 0) {
    // Ours is taken away again; one that was pending already is the host's.
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
      if (sigismember(&pending, signal)) sigdelset(&quiet, signal);
    }
    constexpr timespec kNow = {0, 0};
    constexpr size_t kKernelSetBytes = 8;
    syscall(SYS_rt_sigtimedwait, &quiet, nullptr, &kNow, kKernelSetBytes);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

void SetLogLevel(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }
LogLevel GetLogLevel() { return g_level.load(std::memory_order_relaxed); }

void SetFirstStderr(bool open, dev_t device, ino_t inode) {
  g_open.store(open, std::memory_order_relaxed);
  g_device.store(device, std::memory_order_relaxed);
  g_inode.store(inode, std::memory_order_relaxed);
}

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
  if (IsStderr() && HasRoom()) WriteWithoutSignals(line, size);
  errno = saved_errno;
}

}  // namespace podo::base

// While this library is loaded: before the host's main, or in the middle of its dlopen.
__attribute__((constructor)) static void podo_note_stderr() {
  struct stat now = {};
  const bool open = fstat(STDERR_FILENO, &now) == 0;
  podo::base::SetFirstStderr(open, now.st_dev, now.st_ino);
}
