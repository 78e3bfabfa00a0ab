// SPDX-License-Identifier: Apache-2.0
// Puts the stages together: capture -> aggregate -> symbolize -> encode -> export.
#ifndef PODO_LIB_PIPELINE_H_
#define PODO_LIB_PIPELINE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/wakeup.h"
#include "capture/module_watch.h"
#include "capture/state.h"
#include "clock_choice.h"
#include "config.h"
#include "drain_loop.h"
#include "export_loop.h"
#include "http_side.h"
#include "kept_windows.h"
#include "module_loop.h"
#include "own_threads.h"
#include "podo/podo_c.h"
#include "published_context.h"
#include "symbol_loop.h"

namespace podo {

// One run of profiling, from Start to Stop. On the heap and never destroyed by exit: its threads
// may still be running then.
class Pipeline {
 public:
  // Maps, starts threads, installs the handler, arms. On an error nothing is left behind but the
  // state mapping (capture/state.h). `state` is reused by the next run.
  static base::StatusOr<std::unique_ptr<Pipeline>> Start(const Config& config, bool shares_names);
  ~Pipeline();

  // False on timeout. Any thread.
  bool Flush(int64_t limit_ns);
  // Disarms, flushes, ends the threads; false if they did not end in time (then the object must be
  // leaked).
  bool Stop(int64_t limit_ns);
  // After Stop(), if the process goes on: the rings' pages go back to the kernel. False if a
  // handler is still inside (a thread the scheduler does not run): then the object must be leaked.
  bool GiveBackMemory();
  // The calling thread is one of this run's: a sink of the service's own is calling back.
  bool OwnsThisThread() const;
  // Threads of a run that did not end in time.
  bool Lingers() const { return threads_.AnyAlive(); }

  void FillStats(podo_stats* stats) const;
  // The text of /metrics; from the first call on functions are counted. Any thread.
  std::string Metrics(bool openmetrics);
  // A thread ran out of memory: nothing more is sampled or sent.
  bool broken() const { return broken_.load(std::memory_order_relaxed); }
  bool host_took_over() const { return drain_->host_took_over(); }

  // Async-signal-safe.
  void PrepareExec();
  void ExecFailed();
  // The preload library saw the host take the signal; async-signal-safe.
  void HostTakesSignal();
  // A fork happened: the drain says once that children are not profiled.
  void NoteFork() { drain_->NoteFork(); }

 private:
  explicit Pipeline(const Config& config, ClockChoice rate, capture::State* state,
                    bool shares_names);
  void MapDrainStack(size_t bytes);
  base::Status StartThreads();
  base::Status StartSampling();
  void BreakOff();
  void OpenHttp(const Config& config, bool shares_names);
  serve::Sources HttpSources(const Config& config);
  std::string StoppedBecause() const;
  std::vector<std::string> NamesOf(const std::vector<uint64_t>& addresses);
  void Disarm();
  void LogTotals() const;
  void LogLines(const podo_stats& s) const;
  bool InThisProcess() const;
  void DrainThread();
  void MeasureLayout();
  void EndProcess();

  const ClockChoice rate_;
  const int64_t exit_timeout_ns_;
  const int64_t begin_cpu_ns_;
  capture::State* const state_;
  capture::SamplingClock clock_;
  OwnThreads threads_;
  capture::ModuleWatch modules_;
  symbolize::Symbolizer symbolizer_;
  SymbolLoop symbols_;
  KeptWindows kept_;
  std::unique_ptr<ExportLoop> exports_;
  base::Wakeup module_wakeup_;
  PublishedContext published_;
  std::unique_ptr<ModuleLoop> module_loop_;
  std::unique_ptr<DrainLoop> drain_;
  std::unique_ptr<HttpSide> http_;  // null: nothing listens
  std::atomic<uint64_t> flush_id_{0};
  void* drain_stack_ = nullptr;
  size_t drain_stack_bytes_ = 0;
  std::atomic<bool> broken_{false};  // a thread ran out of memory; relaxed, nothing hangs on it
  bool export_started_ = false;      // written by Start(), read by Stop() after it
};

}  // namespace podo

#endif  // PODO_LIB_PIPELINE_H_
