// SPDX-License-Identifier: Apache-2.0
#include "answer_loop.h"

#include <sys/resource.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "base/log.h"

namespace podo {

bool AnswerLoop::Post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || jobs_.size() >= kMaxWaiting) return false;
    jobs_.push_back(std::move(job));
  }
  wakeup_.Post();
  return true;
}

void AnswerLoop::Stop() {
  std::deque<std::function<void()>> dropped;  // destroyed without the lock
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(jobs_);
  }
  wakeup_.Post();
}

void AnswerLoop::Run() {
  constexpr int kLow = 10;  // below the service, above the search for names
  constexpr int64_t kIdleNs = 60'000'000'000;
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLow);  // of this thread on Linux
  for (;;) {
    std::function<void()> job;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      if (!jobs_.empty()) {
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
    }
    if (job == nullptr) {
      wakeup_.WaitFor(kIdleNs);
      continue;
    }
    try {
      job();
    } catch (const std::bad_alloc&) {  // a page more or less: profiling goes on
      base::Log(base::LogLevel::kWarning, "out of memory while answering an HTTP request");
    }
  }
}

}  // namespace podo
