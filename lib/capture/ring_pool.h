// SPDX-License-Identifier: Apache-2.0
// The rings of all threads, from the side of the drain: handed out, read, taken back.
#ifndef PODO_LIB_CAPTURE_RING_POOL_H_
#define PODO_LIB_CAPTURE_RING_POOL_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/status.h"
#include "capture/state.h"
#include "model/raw_sample.h"

namespace podo::capture {

// Maps the state, `max_threads` rings and the residue pool: reserved, not touched; kept out of core
// dumps and wiped in fork children. Halves the number of rings while address space is short. Never
// unmapped (state.h).
base::StatusOr<State*> MapState(uint32_t max_threads, uint32_t max_frames);

// The drain's side of the pool. One thread at a time; none of this waits for anybody.
class RingPool {
 public:
  explicit RingPool(State* state);

  // Notes how far every ring is filled now; what Drain() reads. Apart from Drain() so that a check
  // made in between covers all samples drained.
  void Mark();

  // Calls `visit` with every raw sample up to the mark and frees their room.
  void Drain(absl::FunctionRef<void(const model::RawSample&)> visit);

  // Takes back the rings of threads that are gone; returns how many. `alive(tid)` asks the kernel.
  int Reclaim(absl::FunctionRef<bool(uint32_t tid)> alive);

  // Touches the pages of the next `spares` free rings, so that a thread's first sample does not
  // fault them in; gives the pages of free rings beyond 2 * spares back to the kernel.
  void KeepSpares(uint32_t spares);

  // After disarming: waits until no handler is inside, at most `limit_ns`. False on timeout.
  bool WaitIdle(uint64_t limit_ns) const;
  // True if no handler is inside a ring right now; each ring is looked at once.
  bool Idle() const;
  // Forgets every owner and gives all memory back. Only while disarmed and idle.
  void Reset();
  // For a state that another one replaces: no thread takes its ring here for its own any more.
  void Disown();

  // Highest share of a ring that the last mark found filled, 0..1.
  double fill() const { return fill_; }
  uint32_t in_use() const;

 private:
  struct Span {
    uint32_t ring;
    uint64_t from, to;
  };
  bool IsFree(uint32_t ring) const;
  void Free(uint32_t ring);
  void Discard(uint32_t ring);
  void Populate(uint32_t ring, size_t bytes);

  State* state_;
  std::vector<Span> marked_;
  std::vector<uint64_t> linear_;  // one record, unwrapped
  std::vector<bool> warm_;        // the first pages of this ring are in memory
  std::vector<bool> whole_;       // all of them
  double fill_ = 0;
};

// Ready residue slots. One thread at a time, beside the drain.
class ResiduePool {
 public:
  explicit ResiduePool(State* state) : state_(state) {}
  // Calls `finish` with every stack left by a handler; its bytes are wiped afterwards.
  void Take(absl::FunctionRef<void(const model::Residue&)> finish);

 private:
  State* state_;
};

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_RING_POOL_H_
