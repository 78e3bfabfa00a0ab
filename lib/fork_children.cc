// SPDX-License-Identifier: Apache-2.0
#include "fork_children.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/owned_fd.h"
#include "base/timed_lock.h"
#include "capture/sampling_clock.h"
#include "capture/state.h"
#include "context/foreign_context.h"
#include "context/fork_hold.h"
#include "exit_signal.h"
#include "own_threads.h"
#include "process.h"
#include "published_context.h"

namespace podo {
namespace {

// The thread that is forking and holds podo's locks for its child; 0: none. A child knows by it
// that what they guard is whole: pthread_self() is the same on both sides. Relaxed: only a thread's
// own value is compared with it.
constinit std::atomic<pthread_t> g_holder{0};

// Another thread may be in Start() or Stop(), which is no reason to hold up a fork for longer: then
// the child is not profiled.
constexpr int64_t kMostNs = 50'000'000;

void BeforeFork() {
  // First, for what it waits for may itself need the locks below.
  context::HoldLookForFork();
  if (g_process.child_config.load(std::memory_order_relaxed) == nullptr) return;
  // A run that is just beginning, on another thread, is waited for.
  if (!base::LockWithin(g_process.mutex.native_handle(), kMostNs)) return;
  const CurrentRun run;
  // A sink of the service's own that forks, on podo's thread: its child is none of the service's.
  // A child that forks again before its own run began (a daemon) leaves it to its child.
  const bool hands_on = run ? !run->OwnsThisThread() : g_process.begins_soon;
  if (!hands_on || !context::HoldTablesForFork()) {
    g_process.mutex.unlock();
    return;
  }
  g_holder.store(pthread_self(), std::memory_order_relaxed);
}

void InParent() {
  if (g_holder.load(std::memory_order_relaxed) == pthread_self()) {
    g_holder.store(0, std::memory_order_relaxed);
    context::ReleaseTablesInParent();
    g_process.mutex.unlock();
  }
  context::EndHoldInParent();
  const CurrentRun run;
  if (run && g_process.child_config.load(std::memory_order_relaxed) == nullptr) run->NoteFork();
}

void Sleep(int64_t ns) {
  timespec left = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
  }
}

// A new instance, with the settings of the parent's run: its environment and options may be gone.
void BeginInChild() {
  Sleep(kChildDelayNs);
  const std::lock_guard lock(g_process.mutex);
  // FlushAtExit() says that the process exits before it asks for the mutex.
  if (!std::exchange(g_process.begins_soon, false) || g_process.exiting.load()) return;
  try {
    Config config = *g_process.child_config.load(std::memory_order_relaxed);
    RedetectProcess(&config);
    static_cast<void>(BeginRun(config));  // says by itself why, if it does not profile
  } catch (...) {
    base::Log(base::LogLevel::kWarning, "out of memory: a fork child is not profiled");
  }
}

// The one thread there is. What the parent's other threads held is either released here, for this
// thread held it, or belongs to objects of the parent's run, which are left alone.
void PrepareToBegin() {
  g_process.users.store(0, std::memory_order_relaxed);
  g_process.last_index.store(-1, std::memory_order_relaxed);
  g_process.lingering = nullptr;
  g_process.begins_soon = true;
  g_process.pid.store(getpid(), std::memory_order_relaxed);
  OwnThreads::ForgetInForkChild();
  ForgetSigtermInForkChild();
  PublishedContext::ForgetInForkChild();
  context::ReleaseTablesInChild();
  g_process.mutex.unlock();
  g_process.fork_child.store(false, std::memory_order_relaxed);
  constexpr size_t kStackBytes = 512 << 10;  // the engine's Start() loads libraries
  bool started = false;
  try {
    started = OwnThreads::StartDetached("podo-child", kStackBytes, BeginInChild).ok();
  } catch (...) {
  }
  if (!started) base::Log(base::LogLevel::kWarning, "no thread: a fork child is not profiled");
}

// Without podo's descriptors; the state mapping reads as zeros already (MADV_WIPEONFORK). The
// parent's objects are left alone: other threads may have held their locks.
void LetGo() {
  context::EndHoldInChild();
  g_process.fork_child.store(true, std::memory_order_relaxed);
  g_process.pipeline.store(nullptr, std::memory_order_relaxed);
  base::CloseOwnedFdsInForkChild();
  capture::SamplingClock::LetGoInForkChild();
}

void InChild() {
  const int saved_errno = errno;
  LetGo();
  const bool holds = g_holder.load(std::memory_order_relaxed) == pthread_self();
  g_holder.store(0, std::memory_order_relaxed);
  if (holds && !g_process.exiting.load(std::memory_order_relaxed)) PrepareToBegin();
  errno = saved_errno;
}

}  // namespace

void RegisterForkHandlers() { pthread_atfork(BeforeFork, InParent, InChild); }

// A vfork child shares this memory: there nothing may be changed, and the state mapping is not
// wiped.
bool IsForkChild() {
  if (g_process.fork_child.load(std::memory_order_relaxed)) return true;
  const pid_t started = g_process.pid.load(std::memory_order_relaxed);
  if (started == 0 || started == getpid()) return false;
  const capture::State* state = capture::g_state.load(std::memory_order_relaxed);
  if (state != nullptr && state->pid == 0) LetGo();
  return true;
}

}  // namespace podo
