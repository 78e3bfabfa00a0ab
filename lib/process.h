// SPDX-License-Identifier: Apache-2.0
// What this process knows of podo: the run, if there is one, and what outlives runs.
#ifndef PODO_LIB_PROCESS_H_
#define PODO_LIB_PROCESS_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "config.h"
#include "pipeline.h"
#include "podo/podo_c.h"
#include "preload/hooks.h"

namespace podo {

// Constant-initialised and trivially destroyed: a host may call in before this library's dynamic
// initialisation and after its exit handlers.
struct Process {
  std::mutex mutex;                          // of Start and Stop
  std::atomic<Pipeline*> pipeline{nullptr};  // the run, if any
  Pipeline* lingering = nullptr;             // a run whose threads did not end in time (mutex)
  // What fork children begin with; null: they are not profiled (PODO_FORK=off). Changed under the
  // mutex.
  std::atomic<const Config*> child_config{nullptr};
  bool begins_soon = false;   // a fork child's run, unless Start() or Stop() comes first (mutex)
  std::atomic<int> users{0};  // calls that may hold the pointer
  podo_stats last[2] = {};    // of finished runs, used in turn
  std::atomic<int> last_index{-1};
  std::atomic<int64_t> exit_timeout_ns{0};
  std::atomic<bool> exiting{false};
  std::atomic<bool> fork_child{false};  // a child that is not profiled
  std::atomic<pid_t> pid{0};            // of the process that started podo
  std::atomic<bool> hooks_registered{false};
  std::atomic<bool> flushes_early{false};
  std::atomic<const podo_preload_calls*> preload{nullptr};
};
extern constinit Process g_process;

// Keeps the run alive during a call. seq_cst on both sides: either Stop() sees the user, or the
// user sees that the run is over. Wait-free, async-signal-safe.
class CurrentRun {
 public:
  CurrentRun() {
    g_process.users.fetch_add(1, std::memory_order_seq_cst);
    run_ = g_process.pipeline.load(std::memory_order_seq_cst);
  }
  ~CurrentRun() { g_process.users.fetch_sub(1, std::memory_order_release); }
  CurrentRun(const CurrentRun&) = delete;
  CurrentRun& operator=(const CurrentRun&) = delete;
  explicit operator bool() const { return run_ != nullptr; }
  Pipeline* operator->() const { return run_; }

 private:
  Pipeline* run_;
};

// Begins a run; g_process.mutex is held, and no run is under way. May throw std::bad_alloc.
podo_status BeginRun(const Config& config);

}  // namespace podo

#endif  // PODO_LIB_PROCESS_H_
