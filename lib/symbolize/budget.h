// SPDX-License-Identifier: Apache-2.0
// A bound on the work one Resolve may do: broken DWARF must cost time in proportion to the file,
// never hang, and shutdown must not wait for it.
#ifndef PODO_LIB_SYMBOLIZE_BUDGET_H_
#define PODO_LIB_SYMBOLIZE_BUDGET_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace podo::symbolize {

// One thread. Every loop over untrusted input calls Spend and leaves when it says no.
class Budget {
 public:
  Budget(uint64_t steps, absl::FunctionRef<bool()> should_stop)
      : steps_(steps), should_stop_(should_stop) {}

  // False once the steps are used up or the caller wants to stop; stays false.
  bool Spend(uint64_t steps = 1) {
    if (stopped_ || exhausted_) return false;
    if (steps > steps_) return !(exhausted_ = true);
    steps_ -= steps;
    // 4096 steps (DIEs, line rows, symbols) take well under a millisecond.
    if ((since_check_ += steps) < 4096) return true;
    return CheckStop();
  }
  // Asks the caller now; for the seams between long units.
  bool CheckStop() {
    since_check_ = 0;
    stopped_ = stopped_ || should_stop_();
    return !stopped_ && !exhausted_;
  }

  bool stopped() const { return stopped_; }
  bool exhausted() const { return exhausted_; }

 private:
  uint64_t steps_;
  uint64_t since_check_ = 0;
  bool stopped_ = false;
  bool exhausted_ = false;
  absl::FunctionRef<bool()> should_stop_;
};

}  // namespace podo::symbolize

#endif  // PODO_LIB_SYMBOLIZE_BUDGET_H_
