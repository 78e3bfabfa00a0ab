// SPDX-License-Identifier: Apache-2.0
// What the process keeps of its own windows: the history, and CPU time by function and label.
#ifndef PODO_LIB_KEPT_WINDOWS_H_
#define PODO_LIB_KEPT_WINDOWS_H_

#include <atomic>
#include <memory>

#include "config.h"
#include "history/history.h"
#include "model/profile.h"
#include "serve/cpu_totals.h"

namespace podo {

class KeptWindows {
 public:
  // A history if the configuration wants one. Opens nothing yet.
  explicit KeptWindows(const Config& config);

  // Somebody wants windows: names are looked up for them. Any thread.
  bool wanted() const { return wanted_.load(std::memory_order_relaxed); }
  // From now on totals are kept, for a reader of metrics. Any thread. Relaxed: a window more or
  // less.
  void WantTotals() { wanted_.store(true, std::memory_order_relaxed); }

  // A window with names. The export thread.
  void Add(const model::Profile& window);

  // Null if none is kept.
  const history::History* history() const { return history_.get(); }
  const serve::CpuTotals& totals() const { return totals_; }

 private:
  std::atomic<bool> wanted_;
  std::unique_ptr<history::History> history_;
  serve::CpuTotals totals_;
};

}  // namespace podo

#endif  // PODO_LIB_KEPT_WINDOWS_H_
