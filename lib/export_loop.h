// SPDX-License-Identifier: Apache-2.0
// The thread that makes profiles of windows and gets them to the sinks. What is slow is here.
#ifndef PODO_LIB_EXPORT_LOOP_H_
#define PODO_LIB_EXPORT_LOOP_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aggregate/assemble.h"
#include "base/wakeup.h"
#include "capture/module_watch.h"
#include "export/exporter.h"
#include "kept_windows.h"
#include "live_captures.h"
#include "payloads.h"
#include "run_sum.h"
#include "symbol_loop.h"
#include "window_box.h"
#include "window_sum.h"

namespace podo {

class ExportLoop {
 public:
  struct Settings {
    int64_t window_ns;
    int64_t exit_timeout_ns = 0;
    std::vector<std::string> comments;  // on every profile: resource and labels
    bool thread_names = false;          // labels of every sample
    bool thread_ids = false;
    PayloadSettings payloads;
    KeptWindows* kept = nullptr;  // gets windows with names, if it wants them
    // Asks the drain for a cut (DrainLoop::CutAt).
    std::function<void(int64_t steady_ns)> cut_at;
    std::string signal = "SIGPROF";  // of ticks
  };

  ExportLoop(Settings settings, capture::ModuleWatch* modules, symbolize::Symbolizer* symbolizer,
             SymbolLoop* symbols, std::vector<std::unique_ptr<exporting::Exporter>> exporters);

  // A finished window; returned to the drain as soon as its stacks are read. Thread-safe.
  void Put(WindowBox* box);

  // Thread body: ends after the window that is marked last.
  void Run();

  // A flush waits until `deadline_ns` (steady): names may take half of what is left.
  void SetFlushDeadline(int64_t deadline_ns) {
    flush_deadline_ns_.store(deadline_ns, std::memory_order_relaxed);
  }
  // The end, which no flush changes any more. Without it the last window has exit_timeout_ns.
  void SetStopDeadline(int64_t deadline_ns) {
    stop_deadline_ns_.store(deadline_ns, std::memory_order_relaxed);
  }
  // Records for `duration_ns` from now on; see LiveCaptures::Begin(). Any thread.
  bool Capture(int64_t duration_ns, std::function<bool()> given_up,
               std::function<void(aggregate::AssembledProfile)> finished);
  // With the names there are, and those that can be found in `limit_ns`. One thread at a time, not
  // this loop's, which has windows to see to.
  model::Profile Named(const aggregate::AssembledProfile& sum, int64_t limit_ns) const;
  // When a thread of podo has broken off: nothing more comes. Run() and the exporters end, and so
  // does every WaitFlushed(). Any thread.
  void GiveUp();
  bool gave_up() const { return gave_up_.load(std::memory_order_acquire); }
  // Blocks until all windows up to flush request `id` were sent, lost or spooled by every sink, or
  // until `deadline_ns` (steady); false on timeout. Any thread.
  bool WaitFlushed(uint64_t id, int64_t deadline_ns);

  // The exporters, for their threads and counters.
  const std::vector<std::unique_ptr<exporting::Exporter>>& exporters() const { return exporters_; }
  // Ratio of the last window with CPU time.
  double sampling_ratio() const { return sampling_ratio_.load(std::memory_order_relaxed); }
  uint64_t own_ticks() const { return own_ticks_.load(std::memory_order_relaxed); }
  uint64_t misdelivered() const { return misdelivered_.load(std::memory_order_relaxed); }

 private:
  WindowBox* Next();
  void Export(WindowBox* box);
  aggregate::AssembledProfile Read(WindowBox* box);
  void FinishCaptures(int64_t now_ns);
  void ExportWindow(const aggregate::AssembledProfile& assembled, const exporting::Payload& of,
                    bool is_asked_for);
  void SayOfLabels();
  using ModuleList = std::vector<std::shared_ptr<const model::Module>>;  // by mapping
  void AddJobs(const model::Profile& profile, const ModuleList& modules,
               std::vector<SymbolJob>* jobs) const;
  void FindNames(std::vector<SymbolJob> jobs);
  model::Profile WithNames(const model::Profile& profile, const ModuleList& modules) const;
  void Offer(const model::Profile& profile, exporting::PayloadScope scope,
             const exporting::Payload& of_window);
  void OfferRun(const exporting::Payload& of_window, const std::string& summary);
  void FinishExporters();
  bool Wants(exporting::PayloadScope scope) const;

  const Settings settings_;
  capture::ModuleWatch* modules_;
  symbolize::Symbolizer* symbolizer_;
  SymbolLoop* symbols_;
  std::vector<std::unique_ptr<exporting::Exporter>> exporters_;

  std::mutex mutex_;  // of queue_ and flushed_
  std::deque<WindowBox*> queue_;
  uint64_t flushed_ = 0;
  std::condition_variable flushed_changed_;
  base::Wakeup wakeup_;
  base::Wakeup names_found_;
  std::atomic<int64_t> flush_deadline_ns_{0};
  std::atomic<int64_t> stop_deadline_ns_{0};
  std::atomic<double> sampling_ratio_{0};
  std::atomic<uint64_t> misdelivered_{0};
  std::atomic<uint64_t> own_ticks_{0};

  uint32_t forget_before_ = 0;
  LiveCaptures captures_;
  WindowSum pieces_;  // of the window under way, if it was cut

  RunSum run_;
  int64_t run_due_ns_ = 0;  // steady clock
  std::atomic<bool> gave_up_{false};
  bool said_cut_ = false;
  bool said_overflow_ = false;
};

}  // namespace podo

#endif  // PODO_LIB_EXPORT_LOOP_H_
