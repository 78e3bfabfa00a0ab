// SPDX-License-Identifier: Apache-2.0
#include "capture/ring_pool.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace podo::capture {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// Address space the kernel keeps free below the main stack whatever RLIMIT_STACK says (mmap_base:
// at least 128 MiB), so that what lies between a main-thread sp in this range and the stack's end
// can only be stack.
constexpr uint64_t kMainStackReach = 128 * kMiB;

// In memory of a spare ring: its head and room for the first second of a thread's samples. The rest
// follows once a thread has claimed it.
constexpr size_t kSpareBytes = 5 * 4096;

size_t PageUp(size_t bytes) { return (bytes + 4095) & ~size_t{4095}; }

void* Map(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// nullptr with errno also if it would leave less than 64 MiB to what podo needs beside its rings,
// and to the host: in an address space that is nearly full (RLIMIT_AS) the first to fail would be
// some allocation of the host.
void* MapLeavingRoom(size_t bytes) {
  constexpr size_t kRoom = 64 * kMiB;
  void* memory = Map(bytes);
  if (memory == nullptr) return nullptr;
  void* probe = Map(kRoom);
  if (probe != nullptr) {
    munmap(probe, kRoom);
    return memory;
  }
  const int error = errno;
  munmap(memory, bytes);
  errno = error;
  return nullptr;
}

void SetFree(State* state, uint32_t ring) {
  // Release: pairs with the claiming handler's acquire, which must see the ring reset.
  state->free_rings[ring / 64].fetch_or(uint64_t{1} << (ring % 64), std::memory_order_release);
}

}  // namespace

base::StatusOr<State*> MapState(uint32_t max_threads, uint32_t max_frames) {
  uint32_t rings = std::clamp<uint32_t>(max_threads, 1, kMaxRings);
  const size_t state_bytes = PageUp(sizeof(State));
  const size_t residue_bytes = PageUp(sizeof(model::Residue) * kResiduePoolSize);
  for (;; rings /= 2) {
    if (rings == 0) {
      return base::ResourceExhaustedError(
          absl::StrCat("less than 64 MiB of address space left: ", std::strerror(errno)));
    }
    const size_t bytes = state_bytes + residue_bytes + rings * sizeof(Ring);
    void* memory = MapLeavingRoom(bytes);
    if (memory == nullptr) continue;
    madvise(memory, bytes, MADV_DONTDUMP);
    madvise(memory, bytes, MADV_NOHUGEPAGE);  // a huge page would make one sample cost 2 MiB
    if (madvise(memory, bytes, MADV_WIPEONFORK) != 0) {  // Linux 4.14
      const int error = errno;
      munmap(memory, bytes);
      return base::UnimplementedError(
          absl::StrCat("madvise(MADV_WIPEONFORK): ", std::strerror(error)));
    }
    auto* base = static_cast<unsigned char*>(memory);
    State* state = reinterpret_cast<State*>(base);  // zero bytes are its initial value
    state->pid = static_cast<uint32_t>(getpid());
    state->reader_tid = state->pid;
    state->ring_count = rings;
    state->uses_itimer.store(1, std::memory_order_relaxed);
    state->max_frames.store(max_frames, std::memory_order_relaxed);
    state->main_stack_bytes = kMainStackReach;
    state->residues = reinterpret_cast<model::Residue*>(base + state_bytes);
    state->rings = reinterpret_cast<Ring*>(base + state_bytes + residue_bytes);
    state->residue_free.store(~uint64_t{0}, std::memory_order_relaxed);
    for (uint32_t i = 0; i < rings; ++i) SetFree(state, i);
    return state;
  }
}

RingPool::RingPool(State* state)
    : state_(state), warm_(state->ring_count), whole_(state->ring_count) {
  linear_.resize(model::kRawHeaderWords + model::kSpanWords +
                 state->max_frames.load(std::memory_order_relaxed));
}

bool RingPool::IsFree(uint32_t ring) const {
  return (state_->free_rings[ring / 64].load(std::memory_order_acquire) >> (ring % 64) & 1) != 0;
}

void RingPool::Mark() {
  marked_.clear();
  fill_ = 0;
  const uint32_t high = state_->high_water.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < high; ++i) {
    if (IsFree(i)) continue;
    const Ring& ring = state_->rings[i];
    const uint64_t to = ring.head.load(std::memory_order_acquire);
    const uint64_t from = ring.tail.load(std::memory_order_relaxed);
    if (to == from) continue;
    marked_.push_back({i, from, to});
    fill_ = std::max(fill_, static_cast<double>(to - from) / kRingWords);
  }
}

void RingPool::Drain(absl::FunctionRef<void(const model::RawSample&)> visit) {
  for (const Span& span : marked_) {
    Ring& ring = state_->rings[span.ring];
    const uint32_t tid = ring.tid.load(std::memory_order_acquire);
    for (uint64_t at = span.from; at < span.to;) {
      model::RawSample sample;
      uint64_t head_words[model::kRawHeaderWords];
      for (size_t i = 0; i < model::kRawHeaderWords; ++i) {
        head_words[i] = ring.words[(at + i) & (kRingWords - 1)];
      }
      std::memcpy(&sample.header, head_words, sizeof sample.header);
      // Only the handler writes here; a size it cannot have written means memory was overwritten by
      // somebody else: leave the rest of this ring rather than run away.
      const uint32_t body = model::SpanWordsOf(sample.header.flags) + sample.header.frames;
      if (sample.header.words != model::kRawHeaderWords + body ||
          sample.header.words > span.to - at || sample.header.words > linear_.size()) {
        break;
      }
      const uint64_t first = (at + model::kRawHeaderWords) & (kRingWords - 1);
      if (first + body <= kRingWords) {
        sample.frames = &ring.words[first];
      } else {
        for (uint32_t i = 0; i < body; ++i) {
          linear_[i] = ring.words[(first + i) & (kRingWords - 1)];
        }
        sample.frames = linear_.data();
      }
      sample.frames += model::SpanWordsOf(sample.header.flags);
      sample.tid = tid;
      sample.thread = 0;
      visit(sample);
      at += sample.header.words;
    }
    ring.tail.store(span.to, std::memory_order_release);  // partner: the handler's FreeWords()
  }
  marked_.clear();
}

int RingPool::Reclaim(absl::FunctionRef<bool(uint32_t)> alive) {
  int reclaimed = 0;
  const uint32_t high = state_->high_water.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < high; ++i) {
    if (IsFree(i)) continue;
    const uint32_t tid = state_->rings[i].tid.load(std::memory_order_acquire);
    // tid 0: claimed a moment ago, or its owner was stopped before its first sample.
    if (tid == 0 || alive(tid)) continue;
    // The kernel forgets a tid after the thread's last user instruction, so nobody writes any more.
    // What it left since the mark is drained first.
    if (state_->rings[i].head.load(std::memory_order_acquire) !=
        state_->rings[i].tail.load(std::memory_order_relaxed)) {
      continue;
    }
    Free(i);
    ++reclaimed;
  }
  return reclaimed;
}

void RingPool::Free(uint32_t index) {
  Ring& ring = state_->rings[index];
  ring.owner.store(0, std::memory_order_relaxed);
  ring.tid.store(0, std::memory_order_relaxed);
  ring.timed.store(0, std::memory_order_relaxed);
  // Release: whoever sees 0 sees all that the thread that is gone did inside, before it may free
  // the tables it read.
  ring.busy.store(0, std::memory_order_release);
  ring.head.store(0, std::memory_order_relaxed);
  ring.tail.store(0, std::memory_order_relaxed);
  warm_[index] = true;
  SetFree(state_, index);
}

void RingPool::Discard(uint32_t index) {
  // Taken out of the free set meanwhile, so that no handler claims it half discarded.
  const uint64_t bit = uint64_t{1} << (index % 64);
  const uint64_t before = state_->free_rings[index / 64].fetch_and(~bit, std::memory_order_acquire);
  if ((before & bit) == 0) return;  // a handler was faster
  madvise(&state_->rings[index], sizeof(Ring), MADV_DONTNEED);
  warm_[index] = whole_[index] = false;
  SetFree(state_, index);
}

// Linux 5.14; where it is missing the samples fault the pages in themselves.
void RingPool::Populate(uint32_t index, size_t bytes) {
  madvise(&state_->rings[index], bytes, MADV_POPULATE_WRITE);
}

void RingPool::KeepSpares(uint32_t spares) {
  uint32_t seen = 0;
  for (uint32_t i = 0; i < state_->ring_count; ++i) {
    if (!IsFree(i)) {
      if (!whole_[i]) Populate(i, sizeof(Ring));
      warm_[i] = whole_[i] = true;
      continue;
    }
    ++seen;
    if (seen <= spares && !warm_[i]) {
      Populate(i, kSpareBytes);
      warm_[i] = true;
    } else if (seen > 2 * spares && warm_[i]) {
      Discard(i);
    }
    if (seen > 2 * spares && i >= state_->high_water.load(std::memory_order_relaxed)) break;
  }
}

bool RingPool::Idle() const {
  const uint32_t high = state_->high_water.load(std::memory_order_seq_cst);
  for (uint32_t i = 0; i < high; ++i) {
    if (state_->rings[i].busy.load(std::memory_order_seq_cst) != 0) return false;
  }
  return true;
}

bool RingPool::WaitIdle(uint64_t limit_ns) const {
  const int64_t deadline = base::SteadyClockNs() + static_cast<int64_t>(limit_ns);
  while (!Idle()) {
    if (base::SteadyClockNs() > deadline) return false;
    sched_yield();
  }
  return true;
}

void RingPool::Reset() {
  const uint32_t high = state_->high_water.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < high; ++i) {
    if (!IsFree(i)) Free(i);
  }
  madvise(state_->rings, state_->ring_count * sizeof(Ring), MADV_DONTNEED);
  std::fill(warm_.begin(), warm_.end(), false);
  std::fill(whole_.begin(), whole_.end(), false);
}

void RingPool::Disown() {
  // Relaxed: whoever sees the new state, which is published afterwards, sees this, too.
  const uint32_t high = state_->high_water.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < high; ++i) state_->rings[i].owner.store(0, std::memory_order_relaxed);
}

uint32_t RingPool::in_use() const {
  uint32_t free = 0;
  const uint32_t words = (state_->ring_count + 63) / 64;
  for (uint32_t w = 0; w < words; ++w) {
    free +=
        static_cast<uint32_t>(std::popcount(state_->free_rings[w].load(std::memory_order_relaxed)));
  }
  return state_->ring_count - free;
}

void ResiduePool::Take(absl::FunctionRef<void(const model::Residue&)> finish) {
  // Acquire: the slots behind the bits are written. The bits are taken by this thread alone.
  uint64_t ready = state_->residue_ready.exchange(0, std::memory_order_acquire);
  for (; ready != 0; ready &= ready - 1) {
    const int slot = std::countr_zero(ready);
    model::Residue& residue = state_->residues[slot];
    finish(residue);
    // An earlier copy of the same tick may have been longer: at most kForeignCopyBytes.
    explicit_bzero(&residue, offsetof(model::Residue, stack) +
                                 std::max<size_t>(residue.stack_bytes, model::kForeignCopyBytes));
    // Large ones are rare after the start: their pages need not stay.
    constexpr size_t kKeepBytes = 8192;
    madvise(residue.stack + kKeepBytes, sizeof residue.stack - kKeepBytes, MADV_DONTNEED);
    state_->residue_free.fetch_or(uint64_t{1} << slot, std::memory_order_release);
  }
}

}  // namespace podo::capture
