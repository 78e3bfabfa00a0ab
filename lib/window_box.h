// SPDX-License-Identifier: Apache-2.0
// One window on its way: filled by the drain, finished by the module loop, exported.
#ifndef PODO_LIB_WINDOW_BOX_H_
#define PODO_LIB_WINDOW_BOX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "aggregate/stack_table.h"
#include "aggregate/thread_table.h"
#include "model/window.h"

namespace podo {

inline constexpr size_t kWindowCapBytes = size_t{64} << 20;  // of stacks; past it ticks are counted

// Ownership moves with the pointer: drain -> module loop -> export loop -> free again. `free` is
// released by the export loop and acquired by the drain.
struct WindowBox {
  std::atomic<bool> free{true};
  aggregate::StackTable stacks{kWindowCapBytes};
  std::unique_ptr<aggregate::StackTable> residue;  // libunwind's stacks, put in by the module loop
  aggregate::ThreadTable threads;                  // empty unless thread labels are wanted
  model::WindowTotals totals;
  uint64_t maybe_asleep = 0;       // ticks flagged kRawMaybeAsleep
  uint32_t newest_generation = 0;  // of the module snapshots its stacks refer to
  uint64_t flush_id = 0;           // the newest flush request this window answers
  bool last = false;               // nothing comes after it
  // A piece of a window that goes on: cut because a recording begins or ends here.
  bool is_piece = false;
  int64_t begin_steady_ns = 0;
  int64_t end_steady_ns = 0;
};

}  // namespace podo

#endif  // PODO_LIB_WINDOW_BOX_H_
