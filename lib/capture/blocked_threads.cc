// SPDX-License-Identifier: Apache-2.0
#include "capture/blocked_threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/owned_fd.h"
#include "capture/profiling_timer.h"

namespace podo::capture {
namespace {

std::string ReadFile(const std::string& path) {
  const base::OwnedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[4096];
  const ssize_t size = read(file.get(), text, sizeof text);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : "";
}

}  // namespace

bool StatusBlocks(const std::string& status, int signal) {
  const size_t at = status.find("\nSigBlk:\t");
  if (at == std::string::npos) return false;
  const uint64_t mask = std::strtoull(status.c_str() + at + 9, nullptr, 16);
  return (mask >> (signal - 1) & 1) != 0;
}

int64_t SchedstatCpuNs(const std::string& schedstat) {
  char* end = nullptr;
  const int64_t ns = std::strtoll(schedstat.c_str(), &end, 10);
  return end == schedstat.c_str() ? -1 : ns;
}

std::vector<BlockedThread> BlockedThreads::Scan(absl::FunctionRef<bool(uint32_t)> skip) {
  std::vector<BlockedThread> found;
  std::map<uint32_t, int64_t> now;
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return found;
  while (const dirent* entry = readdir(tasks)) {
    uint32_t tid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &tid) || skip(tid)) continue;
    const std::string task = absl::StrCat("/proc/self/task/", tid);
    if (!StatusBlocks(ReadFile(task + "/status"), TickSignal())) continue;
    const int64_t cpu_ns = SchedstatCpuNs(ReadFile(task + "/schedstat"));
    if (cpu_ns < 0) continue;
    now[tid] = cpu_ns;
    const auto before = cpu_ns_.find(tid);
    const int64_t used = cpu_ns - (before != cpu_ns_.end() ? before->second : 0);
    if (used <= 0) continue;
    std::string name = ReadFile(task + "/comm");
    while (!name.empty() && name.back() == '\n') name.pop_back();
    found.push_back({tid, std::move(name), used});
  }
  closedir(tasks);
  cpu_ns_ = std::move(now);
  return found;
}

void SampledThreads::Update() {
  tids_.clear();
  const uint32_t high = state_->high_water.load(std::memory_order_acquire);
  heads_.resize(std::max<size_t>(heads_.size(), high));
  for (uint32_t i = 0; i < high; ++i) {
    const Ring& ring = state_->rings[i];
    // Relaxed: a sample that is missed here counts in the next window.
    const uint64_t head = ring.head.load(std::memory_order_relaxed);
    const uint32_t tid = ring.tid.load(std::memory_order_relaxed);
    if (std::exchange(heads_[i], head) != head && tid != 0) tids_.insert(tid);
  }
}

}  // namespace podo::capture
