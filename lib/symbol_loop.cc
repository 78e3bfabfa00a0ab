// SPDX-License-Identifier: Apache-2.0
#include "symbol_loop.h"

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace podo {

void SymbolLoop::SetWork(std::vector<SymbolJob> jobs, base::Wakeup* done) {
  {
    const std::lock_guard lock(mutex_);
    jobs_ = std::move(jobs);
    done_ = done;
    idle_.store(jobs_.empty(), std::memory_order_release);
    version_.fetch_add(1, std::memory_order_relaxed);
  }
  wakeup_.Post();
}

void SymbolLoop::Stop() {
  stop_.store(true, std::memory_order_release);
  wakeup_.Post();
}

void SymbolLoop::Run() {
  constexpr int kLowest = 19;
  constexpr int64_t kIdleNs = 60'000'000'000;
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowest);  // of this thread on Linux
  symbolize::Symbolizer::BeginThread();
  while (!stop_.load(std::memory_order_acquire)) {
    std::vector<SymbolJob> jobs;
    base::Wakeup* done = nullptr;
    uint64_t version = 0;
    {
      const std::lock_guard lock(mutex_);
      jobs = std::move(jobs_);
      jobs_.clear();
      done = done_;
      version = version_.load(std::memory_order_relaxed);
    }
    if (jobs.empty()) {
      wakeup_.WaitFor(kIdleNs);
      continue;
    }
    const auto should_stop = [&] {
      return stop_.load(std::memory_order_relaxed) ||
             version_.load(std::memory_order_relaxed) != version;
    };
    bool finished = true;
    for (const SymbolJob& job : jobs) {
      finished = finished && symbolizer_->Resolve(*job.module, job.vaddrs, should_stop);
    }
    const std::lock_guard lock(mutex_);
    if (!finished || version_.load(std::memory_order_relaxed) != version) continue;
    idle_.store(true, std::memory_order_release);
    if (done != nullptr) done->Post();
  }
}

}  // namespace podo
