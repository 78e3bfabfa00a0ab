// SPDX-License-Identifier: Apache-2.0
// The thread that knows modules: keeps the handler's tables in step, finishes residue, and tells
// whose ticks were misdelivered, before a window goes on to export.
#ifndef PODO_LIB_MODULE_LOOP_H_
#define PODO_LIB_MODULE_LOOP_H_

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "aggregate/residue_unwinder.h"
#include "base/wakeup.h"
#include "capture/blocked_threads.h"
#include "capture/module_watch.h"
#include "capture/ring_pool.h"
#include "drain_loop.h"
#include "own_threads.h"
#include "published_context.h"
#include "window_box.h"

namespace podo {

class ModuleLoop {
 public:
  // Finished windows go to `hand_on`, which must not block for long.
  ModuleLoop(capture::State* state, capture::ModuleWatch* modules, OwnThreads* threads,
             base::Wakeup* wakeup, std::function<void(WindowBox*)> hand_on);

  // The drain exists only after its wake-up target does.
  void SetDrain(DrainLoop* drain) { drain_ = drain; }
  // Told when modules changed, and once a window. Before Run().
  void SetPublished(PublishedContext* published) { published_ = published; }
  // The clock measures threads one by one: CPU time without ticks is shown as such. Before Run().
  void MeasuresThreads(bool measures) { measures_threads_ = measures; }
  // Samples keep their thread. Before Run().
  void NameThreads(bool wanted) { names_threads_ = wanted; }

  // Thread body: ends after the window that is marked last.
  void Run();
  // Run() ends at once: another thread of podo is gone. Any thread.
  void GiveUp();

 private:
  void FollowModules();
  void TakeResidue();
  void NameBlockedThreads(WindowBox* box);
  void Finish(WindowBox* box);

  capture::State* state_;
  capture::ModuleWatch* modules_;
  OwnThreads* threads_;
  base::Wakeup* wakeup_;
  std::function<void(WindowBox*)> hand_on_;
  DrainLoop* drain_ = nullptr;
  capture::ResiduePool pool_;
  aggregate::ResidueUnwinder unwinder_;
  std::unique_ptr<aggregate::StackTable> residue_;
  uint64_t residue_maybe_asleep_ = 0;
  std::vector<uint64_t> frames_;
  capture::BlockedThreads blocked_;
  capture::SampledThreads sampled_;
  std::set<uint32_t> named_;
  bool baseline_taken_ = false;
  bool was_blocking_ = false;  // the window before had ticks of threads that block the signal
  bool names_threads_ = false;
  bool measures_threads_ = false;
  std::atomic<bool> gave_up_{false};
  PublishedContext* published_ = nullptr;
};

}  // namespace podo

#endif  // PODO_LIB_MODULE_LOOP_H_
