// SPDX-License-Identifier: Apache-2.0
#include "symbol_loop.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"

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

void SymbolLoop::Resolve(std::vector<SymbolJob> jobs, int64_t limit_ns) {
  const int64_t until_ns = base::SteadyClockNs() + limit_ns;
  uint64_t question = 0;
  {
    const std::lock_guard lock(mutex_);
    asked_ = std::move(jobs);
    question = questions_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  wakeup_.Post();
  for (;;) {
    // Acquire: the names stand in the cache, which has a lock of its own; the order is for readers
    // of this code more than for the machine.
    if (answers_.load(std::memory_order_acquire) >= question) return;
    const int64_t left_ns = until_ns - base::SteadyClockNs();
    if (left_ns <= 0 || stop_.load(std::memory_order_relaxed)) return;
    constexpr int64_t kSliceNs = 50'000'000;  // Stop() wakes the loop, not us
    answered_.WaitFor(std::min(left_ns, kSliceNs));
  }
}

void SymbolLoop::ResolveAsked() {
  std::vector<SymbolJob> asked;
  uint64_t question = 0;
  {
    const std::lock_guard lock(mutex_);
    asked = std::move(asked_);
    asked_.clear();
    question = questions_.load(std::memory_order_relaxed);
  }
  if (question == answers_.load(std::memory_order_relaxed)) return;
  const auto should_stop = [&] { return stop_.load(std::memory_order_relaxed); };
  for (const SymbolJob& job : asked) symbolizer_->Resolve(*job.module, job.vaddrs, should_stop);
  answers_.store(question, std::memory_order_release);
  answered_.Post();
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
    ResolveAsked();
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
             version_.load(std::memory_order_relaxed) != version ||
             questions_.load(std::memory_order_relaxed) != answers_.load(std::memory_order_relaxed);
    };
    bool finished = true;
    for (const SymbolJob& job : jobs) {
      finished = finished && symbolizer_->Resolve(*job.module, job.vaddrs, should_stop);
    }
    const std::lock_guard lock(mutex_);
    if (version_.load(std::memory_order_relaxed) != version) continue;
    if (!finished) {  // a question came between; what is resolved already costs a look-up
      jobs_ = std::move(jobs);
      continue;
    }
    idle_.store(true, std::memory_order_release);
    if (done != nullptr) done->Post();
  }
}

}  // namespace podo
