// SPDX-License-Identifier: Apache-2.0
// The whole run so far, in bounded memory: where it has met very many stacks, those that hardly
// count become the frame [other], called by their outermost callers. Totals stay exact.
#ifndef PODO_LIB_RUN_SUM_H_
#define PODO_LIB_RUN_SUM_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "aggregate/assemble.h"
#include "model/module.h"
#include "model/profile_builder.h"

namespace podo {

// Not thread-safe. Without names: those are looked up anew for every payload, so that names found
// late still appear.
class RunSum {
 public:
  // In frames of stacks; a stack, a sample and a location cost some frames beside. About 5 MiB.
  static constexpr size_t kMaxCost = 250'000;
  explicit RunSum(size_t max_cost = kMaxCost);

  // Costs what the window holds; now and then, when small stacks are folded, what the run holds.
  void Add(const aggregate::AssembledProfile& window);
  const model::Profile& profile() const { return builder_->profile(); }
  // By mapping.
  const std::vector<std::shared_ptr<const model::Module>>& modules() const { return modules_; }
  size_t cost() const { return cost_; }

 private:
  void Begin();
  void Merge(const model::Profile& from,
             const std::vector<std::shared_ptr<const model::Module>>& modules);
  void Fold(size_t outer_frames);

  const size_t max_cost_;
  std::optional<model::ProfileBuilder> builder_;
  std::vector<std::shared_ptr<const model::Module>> modules_;
  size_t counted_stacks_ = 0;
  size_t frames_ = 0;  // of those
  size_t cost_ = 0;
};

}  // namespace podo

#endif  // PODO_LIB_RUN_SUM_H_
