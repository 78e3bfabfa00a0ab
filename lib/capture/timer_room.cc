// SPDX-License-Identifier: Apache-2.0
#include "capture/timer_room.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "base/owned_fd.h"

namespace podo::capture {
namespace {

// The value of a line "name:\tvalue".
std::string_view FieldOf(std::string_view status, std::string_view name) {
  for (size_t at = status.find(name); at != std::string_view::npos;
       at = status.find(name, at + 1)) {
    if (at != 0 && status[at - 1] != '\n') continue;
    std::string_view line = status.substr(at + name.size());
    line = line.substr(0, line.find('\n'));
    return line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
  }
  return {};
}

bool ReadNumber(std::string_view text, uint64_t* number) {
  const char* const end = text.data() + text.size();
  return std::from_chars(text.data(), end, *number).ec == std::errc();
}

}  // namespace

bool ParseSignalQueue(std::string_view status, SignalQueue* queue) {
  const std::string_view queued = FieldOf(status, "SigQ:");  // "used/limit"
  const size_t slash = queued.find('/');
  return slash != std::string_view::npos && ReadNumber(queued, &queue->used) &&
         ReadNumber(queued.substr(slash + 1), &queue->limit) &&
         ReadNumber(FieldOf(status, "Threads:"), &queue->threads);
}

int64_t TimerRoom(const SignalQueue& queue) {
  constexpr int64_t kLeast = 64;
  const auto bounded = [](uint64_t n) {  // sums stay far from overflow
    return static_cast<int64_t>(std::min<uint64_t>(n, INT64_MAX / 4));
  };
  const int64_t limit = bounded(queue.limit), threads = bounded(queue.threads);
  const int64_t left = limit - bounded(queue.used);
  const int64_t room = left - std::max({limit / 4, threads + kLeast / 4, kLeast});
  return room >= 0 || left < std::max(limit / 8, threads) ? room : 0;
}

int64_t ReadTimerRoom(uint64_t own) {
  const base::OwnedFd file(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  char text[4096];  // some 1500 bytes; the lines asked for are in the first half
  const ssize_t size = file.get() >= 0 ? read(file.get(), text, sizeof text) : -1;
  SignalQueue queue;
  if (size > 0 && ParseSignalQueue({text, static_cast<size_t>(size)}, &queue)) {
    return TimerRoom(queue);
  }
  rlimit limit = {};
  if (getrlimit(RLIMIT_SIGPENDING, &limit) != 0) return 0;
  const uint64_t share = std::min<uint64_t>(limit.rlim_cur / 4, INT64_MAX);
  return share > own ? static_cast<int64_t>(share - own) : 0;
}

}  // namespace podo::capture
