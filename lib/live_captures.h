// SPDX-License-Identifier: Apache-2.0
// Recordings that somebody asked for: from now on, for so long. All are served from the one
// sampler, whose rate nobody changes from outside.
#ifndef PODO_LIB_LIVE_CAPTURES_H_
#define PODO_LIB_LIVE_CAPTURES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>

#include "aggregate/assemble.h"
#include "model/window.h"
#include "window_sum.h"

namespace podo {

class LiveCaptures {
 public:
  // At once: each may cut the window twice, and keeps the stacks of its time.
  static constexpr size_t kMax = 32;
  // Boundaries are moved to such moments, so that however many ask, cuts stay rare.
  static constexpr int64_t kGridNs = 100'000'000;

  struct Capture {
    int64_t begin_ns = 0;  // steady
    int64_t end_ns = 0;
    // Nobody waits for it any more. Any thread; asked now and then.
    std::function<bool()> given_up;
    // Gets the sum, without names, on the export thread: once, also at the end of profiling with
    // what there is. Returns at once.
    std::function<void(aggregate::AssembledProfile)> finished;
    WindowSum sum;
  };

  // False if there are kMax, or profiling has ended. Any thread. Then the caller asks for a cut at
  // NextBoundary().
  bool Begin(int64_t now_ns, int64_t duration_ns, std::function<bool()> given_up,
             std::function<void(aggregate::AssembledProfile)> finished);

  // The rest is for the export thread.
  // A piece of sampled time that began at `begin_ns` (steady); captures take it as a whole or not
  // at all.
  void Add(const aggregate::AssembledProfile& piece, const model::WindowTotals& totals,
           int64_t begin_ns);
  // Those that ended by `now_ns`, the end of the newest piece. With INT64_MAX all, and no new one
  // is taken. What nobody waits for is dropped.
  std::list<Capture> TakeFinished(int64_t now_ns);

  // The first moment after `ns` at which one begins or ends; INT64_MAX if there is none. Any
  // thread.
  int64_t NextBoundary(int64_t ns) const;

 private:
  mutable std::mutex mutex_;
  std::list<Capture> captures_;
  bool closed_ = false;
};

}  // namespace podo

#endif  // PODO_LIB_LIVE_CAPTURES_H_
