// SPDX-License-Identifier: Apache-2.0
// The thread that drains: moves raw samples out of the rings, adds equal ones up, closes windows.
//
// It waits for nobody: not for symbols, disk or network, and not for the loader's or the
// allocator's locks. What is slow is handed on; if the next thread is not ready, the window simply
// goes on.
#ifndef PODO_LIB_DRAIN_LOOP_H_
#define PODO_LIB_DRAIN_LOOP_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "base/wakeup.h"
#include "capture/module_watch.h"
#include "capture/ring_pool.h"
#include "capture/sampling_clock.h"
#include "capture/state.h"
#include "overhead_guard.h"
#include "own_threads.h"
#include "window_box.h"

namespace podo {

class DrainLoop {
 public:
  struct Settings {
    int64_t window_ns;
    double hz;
    double max_overhead;   // 0: no limit
    bool names_threads;    // samples keep their thread
    bool in_process_tree;  // preloaded: children that exec are profiled by themselves
    bool retakes;          // a handler that the host replaced is taken back, a few times
  };

  DrainLoop(capture::State* state, capture::SamplingClock* clock, capture::ModuleWatch* modules,
            OwnThreads* threads, Settings settings, base::Wakeup* next);

  // Thread body: runs until Stop().
  void Run();

  // From any thread, wait-free. The window that answers flush `id` is closed at once.
  void AskFlush(uint64_t id);
  // What was sampled before `steady_ns` is handed on once that moment has come, while the window
  // goes on. Any thread, lock-free. Of more than kMaxCuts moments the latest are forgotten: who
  // wants one asks again when a piece that ends before it has arrived.
  static constexpr size_t kMaxCuts = 64;
  void CutAt(int64_t steady_ns);
  void Stop();
  // Run() ends at once and hands on no window: a thread behind this one is gone. Any thread.
  void GiveUp();
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
  // It stopped by itself, because nobody but podo was left in the process.
  bool left_alone() const { return left_alone_.load(std::memory_order_relaxed); }
  // The host took the signal or the timer.
  bool host_took_over() const { return host_took_over_.load(std::memory_order_relaxed); }
  // Loops completed: what the drain held before two more of them it holds no longer.
  uint64_t epoch() const { return epoch_.load(std::memory_order_seq_cst); }
  // A module that the snapshot names is not mapped any more; cleared by the question.
  bool modules_changed() { return modules_changed_.exchange(false, std::memory_order_relaxed); }
  // A tick interrupted a waiting system call since Start.
  bool saw_asleep() const { return saw_asleep_.load(std::memory_order_relaxed); }
  uint64_t windows() const { return sequence_.load(std::memory_order_relaxed); }
  const OverheadGuard::Stats& overhead() const { return guard_.stats(); }
  uint32_t rings_in_use() const { return rings_in_use_.load(std::memory_order_relaxed); }
  // Set around exec attempts: the timer is off on purpose.
  std::atomic<int> exec_pending{0};

 private:
  struct Reading {  // of clocks and counters
    int64_t wall_ns, steady_ns, process_cpu_ns, own_cpu_ns;
    uint64_t ticks, foreign, ring_full, no_ring, nested, small_stack, paused, over_budget;
  };
  Reading Read() const;
  void DrainOnce();
  void Housekeep();
  enum class Close { kPiece, kWindow, kLast };
  bool CloseWindow(Close what);
  int64_t NextCutNs() const;
  void ForgetCutsUntil(int64_t steady_ns);
  WindowBox* NextBox();
  void ReclaimRings();
  double ClaimedShare() const;
  void AdaptInterval();
  void CheckSignals();
  bool TakeBack();
  void LogTakeover();
  void LogFork();
  bool LastOnesAlive() const;

  capture::State* state_;
  capture::SamplingClock* clock_;
  capture::ModuleWatch* modules_;
  OwnThreads* threads_;
  const Settings settings_;
  base::Wakeup* next_;
  base::Wakeup wakeup_;
  capture::RingPool pool_;
  OverheadGuard guard_;

  WindowBox boxes_[6];  // pieces of a cut window come faster than they are exported
  WindowBox* box_ = nullptr;
  std::atomic<WindowBox*> closed_{nullptr};
  Reading begin_ = {};  // of the piece that is being filled
  int64_t window_begin_ns_ = 0;
  int64_t interval_ns_;
  uint32_t rings_kept_ = 0;  // in use after the last reclaim
  int64_t next_housekeeping_ns_ = 0;
  uint64_t flushed_ = 0;
  uint32_t round_ = 0;  // of draining
  std::atomic<uint64_t> flush_asked_{0};
  // Moments to cut at (steady), in no order; kNoCut: free.
  static constexpr int64_t kNoCut = INT64_MAX;
  std::array<std::atomic<int64_t>, kMaxCuts> cuts_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> gave_up_{false};
  std::atomic<bool> left_alone_{false};
  std::atomic<bool> host_took_over_{false};
  std::atomic<bool> forked_{false};
  bool fork_logged_ = false;
  bool takeover_logged_ = false;
  int retakes_ = 0;
  std::atomic<bool> modules_changed_{false};
  std::atomic<bool> saw_asleep_{false};
  std::atomic<uint64_t> epoch_{0};
  std::atomic<uint64_t> sequence_{0};
  std::atomic<uint32_t> rings_in_use_{0};
};

}  // namespace podo

#endif  // PODO_LIB_DRAIN_LOOP_H_
