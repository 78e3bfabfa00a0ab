// SPDX-License-Identifier: Apache-2.0
// The thread that drains: moves raw samples out of the rings, adds equal ones up, closes windows.
//
// It waits for nobody: not for symbols, disk or network, and not for the loader's or the
// allocator's locks. What is slow is handed on; if the next thread is not ready, the window simply
// goes on.
#ifndef PODO_LIB_DRAIN_LOOP_H_
#define PODO_LIB_DRAIN_LOOP_H_

#include <atomic>
#include <cstdint>

#include "base/wakeup.h"
#include "capture/module_watch.h"
#include "capture/ring_pool.h"
#include "capture/state.h"
#include "own_threads.h"
#include "window_box.h"

namespace podo {

class DrainLoop {
 public:
  struct Settings {
    int64_t window_ns;
    uint64_t period_ns;
    double hz;
    bool names_threads;    // samples keep their thread
    bool in_process_tree;  // preloaded: children that exec are profiled by themselves
  };

  DrainLoop(capture::State* state, capture::ModuleWatch* modules, OwnThreads* threads,
            Settings settings, base::Wakeup* next);

  // Thread body: runs until Stop().
  void Run();

  // From any thread, wait-free. The window that answers flush `id` is closed at once.
  void AskFlush(uint64_t id);
  void Stop();
  // Signal handlers may call it.
  base::Wakeup& wakeup() { return wakeup_; }

  // The next thread's side of the hand-over: the closed window, or nullptr.
  WindowBox* TakeClosed() { return closed_.exchange(nullptr, std::memory_order_acquire); }

  // From a fork handler of the parent; wait-free.
  void NoteFork() { forked_.store(true, std::memory_order_relaxed); }
  // The preload library saw it: async-signal-safe.
  void NoteHostTakeover() {
    host_took_over_.store(true, std::memory_order_relaxed);
    wakeup_.Post();
  }
  // Set by the drain when the host took SIGPROF or the timer behind podo's back.
  // It stopped by itself, because nobody but podo was left in the process.
  bool left_alone() const { return left_alone_.load(std::memory_order_relaxed); }
  bool host_took_over() const { return host_took_over_.load(std::memory_order_relaxed); }
  // Loops completed: what the drain held before two more of them it holds no longer.
  uint64_t epoch() const { return epoch_.load(std::memory_order_seq_cst); }
  // A module that the snapshot names is not mapped any more; cleared by the question.
  bool modules_changed() { return modules_changed_.exchange(false, std::memory_order_relaxed); }
  // A tick interrupted a waiting system call since Start.
  bool saw_asleep() const { return saw_asleep_.load(std::memory_order_relaxed); }
  uint64_t windows() const { return sequence_.load(std::memory_order_relaxed); }
  uint32_t rings_in_use() const { return rings_in_use_.load(std::memory_order_relaxed); }
  // Set around exec attempts: the timer is off on purpose.
  std::atomic<int> exec_pending{0};

 private:
  struct Reading {  // of clocks and counters
    int64_t wall_ns, steady_ns, process_cpu_ns, own_cpu_ns;
    uint64_t ticks, foreign, ring_full, no_ring, nested, paused;
  };
  Reading Read() const;
  void DrainOnce();
  void Housekeep();
  bool CloseWindow(bool last);
  WindowBox* NextBox();
  void ReclaimRings();
  double ClaimedShare() const;
  void AdaptInterval();
  void CheckSignals();
  void LogTakeover();
  void LogFork();
  bool LastOnesAlive() const;

  capture::State* state_;
  capture::ModuleWatch* modules_;
  OwnThreads* threads_;
  const Settings settings_;
  base::Wakeup* next_;
  base::Wakeup wakeup_;
  capture::RingPool pool_;

  WindowBox boxes_[3];
  WindowBox* box_ = nullptr;
  std::atomic<WindowBox*> closed_{nullptr};
  Reading begin_ = {};
  int64_t interval_ns_;
  uint32_t rings_kept_ = 0;  // in use after the last reclaim
  int64_t next_housekeeping_ns_ = 0;
  uint64_t flushed_ = 0;
  uint32_t round_ = 0;  // of draining
  std::atomic<uint64_t> flush_asked_{0};
  std::atomic<bool> stop_{false};
  std::atomic<bool> left_alone_{false};
  std::atomic<bool> host_took_over_{false};
  std::atomic<bool> forked_{false};
  bool fork_logged_ = false;
  bool takeover_logged_ = false;
  std::atomic<bool> modules_changed_{false};
  std::atomic<bool> saw_asleep_{false};
  std::atomic<uint64_t> epoch_{0};
  std::atomic<uint64_t> sequence_{0};
  std::atomic<uint32_t> rings_in_use_{0};
};

}  // namespace podo

#endif  // PODO_LIB_DRAIN_LOOP_H_
