// SPDX-License-Identifier: Apache-2.0
#include "own_threads.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/thread_memory.h"

namespace podo {
void* OwnThreads::Main(void* argument) {
  Thread& self = *static_cast<Thread*>(argument);
  OwnThreads& owner = *self.owner;
  prctl(PR_SET_NAME, self.name);
  clockid_t clock = 0;
  if (pthread_getcpuclockid(pthread_self(), &clock) == 0) {
    self.clock.store(clock, std::memory_order_release);
  }
  self.tid.store(static_cast<uint32_t>(gettid()), std::memory_order_release);
  self.body(base::PrepareThread());
  self.tid.store(0, std::memory_order_relaxed);
  // Release order of the two stores below: a reader that still sees the clock may count this
  // thread's time twice for an instant, never lose it.
  owner.ended_cpu_ns_[static_cast<size_t>(self.work)].fetch_add(
      base::ReadClockNs(CLOCK_THREAD_CPUTIME_ID), std::memory_order_relaxed);
  self.clock.store(0, std::memory_order_release);
  running_.fetch_sub(1, std::memory_order_release);
  return nullptr;
}

int OwnThreads::CreateWithRoom(pthread_attr_t* attributes, size_t stack_bytes, void* (*main)(void*),
                               void* argument, pthread_t* handle) {
  pthread_attr_setstacksize(attributes, stack_bytes);
  const int error = pthread_create(handle, attributes, main, argument);
  if (error != EINVAL) return error;
  pthread_attr_setstacksize(attributes, stack_bytes + kRoomForTls);
  return pthread_create(handle, attributes, main, argument);
}

base::Status OwnThreads::Create(void* stack, size_t stack_bytes, void* (*main)(void*),
                                void* argument, pthread_t* handle) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (stack != nullptr) pthread_attr_setstack(&attributes, stack, stack_bytes);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // libc spares its internal signals
  running_.fetch_add(1, std::memory_order_relaxed);
  const int error = stack != nullptr
                        ? pthread_create(handle, &attributes, main, argument)
                        : CreateWithRoom(&attributes, stack_bytes, main, argument, handle);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error == 0) return base::OkStatus();
  running_.fetch_sub(1, std::memory_order_relaxed);
  const std::string what = absl::StrCat("pthread_create: ", std::strerror(error));
  if (error == EINVAL) return base::InvalidArgumentError(what);
  return base::ResourceExhaustedError(what);
}

base::Status OwnThreads::Start(const char* name, void* stack, size_t stack_bytes, Body body,
                               Work work) {
  if (count_ == kMax) return base::InternalError("too many threads of podo");
  Thread& thread = threads_[count_];
  thread.owner = this;
  thread.body = std::move(body);
  thread.work = work;
  thread.name[sizeof thread.name - 1] = 0;
  std::strncpy(thread.name, name, sizeof thread.name - 1);
  const base::Status created = Create(stack, stack_bytes, Main, &thread, &thread.handle);
  if (created.ok()) ++count_;
  return created;
}

namespace {
struct Detached {
  std::string name;
  std::function<void()> body;
};
}  // namespace

void* OwnThreads::DetachedMain(void* argument) {
  {
    const std::unique_ptr<Detached> detached(static_cast<Detached*>(argument));
    pthread_detach(pthread_self());
    prctl(PR_SET_NAME, detached->name.c_str());
    try {  // memory that runs out: whoever hoped for an answer has a deadline
      if (base::PrepareThread()) detached->body();
    } catch (...) {
    }
  }
  running_.fetch_sub(1, std::memory_order_release);
  return nullptr;
}

base::Status OwnThreads::StartDetached(const char* name, size_t stack_bytes,
                                       std::function<void()> body) {
  auto detached = std::make_unique<Detached>(Detached{name, std::move(body)});
  pthread_t handle;
  base::Status created = Create(nullptr, stack_bytes, DetachedMain, detached.get(), &handle);
  if (created.ok()) static_cast<void>(detached.release());  // the thread's now
  return created;
}

bool OwnThreads::Join(int64_t limit_ns) {
  const int64_t deadline = base::SteadyClockNs() + limit_ns;
  const timespec at = {static_cast<time_t>(deadline / 1'000'000'000),
                       static_cast<long>(deadline % 1'000'000'000)};
  bool all = true;
  for (int i = 0; i < count_; ++i) {
    // The last thread of a process runs the exit handlers, and that may be one of these.
    const bool self = pthread_equal(threads_[i].handle, pthread_self()) != 0;
    if (!self && pthread_clockjoin_np(threads_[i].handle, nullptr, CLOCK_MONOTONIC, &at) == 0) {
      continue;
    }
    pthread_detach(threads_[i].handle);
    all = all && self;
  }
  count_ = 0;
  return all;
}

int64_t OwnThreads::CpuNs(Work work) const {
  int64_t sum = ended_cpu_ns_[static_cast<size_t>(work)].load(std::memory_order_relaxed);
  for (const Thread& thread : threads_) {
    // Acquire: partner of Main's release, before which `work` was written.
    const clockid_t clock = thread.clock.load(std::memory_order_acquire);
    if (clock != 0 && thread.work == work) sum += base::ReadClockNs(clock);
  }
  return sum;
}

bool OwnThreads::AnyAlive() const {
  return std::any_of(threads_.begin(), threads_.end(), [](const Thread& thread) {
    return thread.tid.load(std::memory_order_acquire) != 0;
  });
}

bool OwnThreads::Owns(uint32_t tid) const {
  for (const Thread& thread : threads_) {
    if (thread.tid.load(std::memory_order_acquire) == tid) return tid != 0;
  }
  return false;
}

}  // namespace podo
