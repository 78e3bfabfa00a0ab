// SPDX-License-Identifier: Apache-2.0
// Pieces of sampled time, added up to what one uncut window would have been.
#ifndef PODO_LIB_WINDOW_SUM_H_
#define PODO_LIB_WINDOW_SUM_H_

#include <memory>
#include <optional>
#include <vector>

#include "aggregate/assemble.h"
#include "model/profile_builder.h"
#include "model/window.h"

namespace podo {

// Pieces come in order of time. Not thread-safe.
class WindowSum {
 public:
  void Add(const aggregate::AssembledProfile& piece, const model::WindowTotals& totals);
  bool empty() const { return !builder_.has_value(); }
  // What was added so far, its times and stacks without final values, and the modules behind it.
  const model::Profile& profile() const { return builder_->profile(); }
  const std::vector<std::shared_ptr<const model::Module>>& modules() const { return modules_; }
  const model::WindowTotals& totals() const { return totals_; }
  // The sum, and empty again. A sample's CPU time is its ticks times the measured period of the
  // whole sum: a piece of a few ticks has no good period of its own.
  aggregate::AssembledProfile Take();

 private:
  std::optional<model::ProfileBuilder> builder_;
  std::vector<std::shared_ptr<const model::Module>> modules_;
  model::WindowTotals totals_;
  uint64_t misdelivered_ = 0;
};

}  // namespace podo

#endif  // PODO_LIB_WINDOW_SUM_H_
