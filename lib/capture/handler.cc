// SPDX-License-Identifier: Apache-2.0
#include "capture/handler.h"

#include <sys/syscall.h>
#include <ucontext.h>

#include "base/cycle_counter.h"
#include "capture/carried.h"
#include "capture/entry.h"
#include "capture/interrupted.h"
#include "capture/stacks.h"
#include "capture/tick.h"
#include "capture/walk.h"
#include "model/thread_slot.h"

namespace podo::model {
__thread ThreadSlot* tls_thread_slot __attribute__((tls_model("initial-exec"))) = nullptr;
}  // namespace podo::model

extern "C" {
__thread const void* podo_thread_ctx __attribute__((tls_model("initial-exec"))) = nullptr;
// What tracers and eBPF profilers look for (OTEP 4947). Weak: in a static link a tracer's own wins.
extern __thread const void* otel_thread_ctx_v1
    __attribute__((weak, alias("podo_thread_ctx"), visibility("default")));
}

namespace podo::capture {

std::atomic<State*> g_state{nullptr};

namespace {

using model::RegisterSet;

// Initial-exec: part of the static TLS block, so that touching it can never allocate. A fresh
// thread starts with nullptr, also on a stack that glibc reuses.
__thread Ring* tls_ring __attribute__((tls_model("initial-exec"))) = nullptr;

using model::ThreadSlot;

// Relaxed: counters order nothing.
inline void Count(std::atomic<uint64_t>& counter, uint64_t periods) {
  counter.fetch_add(periods, std::memory_order_relaxed);
}

// A free ring for the calling thread, or nullptr. Bounded: one pass over the words, and at most
// kMaxTries lost races.
[[gnu::noinline]] Ring* ClaimRing(State* state, uint64_t thread_pointer) {
  constexpr int kMaxTries = 64;
  int tries = 0;
  const uint32_t words = (state->ring_count + 63) / 64;
  for (uint32_t w = 0; w < words; ++w) {
    uint64_t bits = state->free_rings[w].load(std::memory_order_relaxed);
    while (bits != 0) {
      const uint64_t bit = bits & -bits;
      // Acquire: pairs with the drain's release when it gave the reset ring back.
      if (state->free_rings[w].compare_exchange_weak(bits, bits & ~bit, std::memory_order_acquire,
                                                     std::memory_order_relaxed)) {
        const uint32_t index = w * 64 + static_cast<uint32_t>(__builtin_ctzll(bit));
        // seq_cst, as what follows on `busy`: whoever looks through the rings for a handler that is
        // inside must not miss this one for an old bound. Another thread may raise it in between;
        // then ours is below. At most one retry per concurrent claim.
        uint32_t high = state->high_water.load(std::memory_order_seq_cst);
        while (high <= index && !state->high_water.compare_exchange_weak(
                                    high, index + 1, std::memory_order_seq_cst)) {
          if (++tries < kMaxTries) continue;
          // Above the bound nobody would drain it, or wait for who is inside.
          state->free_rings[w].fetch_or(bit, std::memory_order_release);
          return nullptr;
        }
        Ring* ring = &state->rings[index];
        ring->owner.store(thread_pointer, std::memory_order_relaxed);
        return ring;
      }
      if (++tries >= kMaxTries) return nullptr;
    }
  }
  return nullptr;
}

uint32_t ThreadId(const State& state, uint64_t thread_pointer) {
  const ThreadLayout layout = Unpack(state.layout.load(std::memory_order_acquire));
  if (layout.tid_offset != 0) {
    return *reinterpret_cast<const uint32_t*>(ThreadBlock(thread_pointer) + layout.tid_offset);
  }
  return static_cast<uint32_t>(
      SystemCall(SYS_gettid));  // once per thread, until the layout is known
}

// A quarter of the samples at most may go to libunwind, which costs the background some 25 us each;
// but for the first ones, taken while the tables are not ready.
bool ResidueAllowed(const State& state) {
  constexpr uint64_t kFirst = 1000;
  const uint64_t residue = state.counters.residue.load(std::memory_order_relaxed);
  if (residue >= kFirst && residue * 4 >= state.counters.taken.load(std::memory_order_relaxed)) {
    return false;
  }
  // Stacks of fibers are walked in these slots too: some must stay for them.
  constexpr int kKeptForWalks = 16;
  uint64_t free = state.residue_free.load(std::memory_order_relaxed);
  for (int i = 0; i < kKeptForWalks; ++i) free &= free - 1;  // no popcount: it may be a call
  return free != 0;
}

// Hands the stack to libunwind; false if no slot or too many already.
[[gnu::noinline]] bool LeaveResidue(State* state, Stacks* stacks, const ucontext_t& context,
                                    const Ring& ring, uint32_t generation, uint32_t label_set,
                                    uint16_t flags, uint16_t overruns) {
  if (!ResidueAllowed(*state)) return false;
  if (!stacks->CopyForResidue(StackPointerOf(context))) {
    return false;
  }
  Residue* residue = stacks->copy;
  residue->tid = ring.tid.load(std::memory_order_relaxed);
  residue->generation = generation;
  residue->label_set = label_set;
  residue->flags = flags;
  residue->overruns = overruns;
  if ((flags & model::kRawSpan) != 0) {
    for (uint32_t i = 0; i < model::kSpanWords; ++i) {
      const uint64_t at = ring.head.load(std::memory_order_relaxed) + model::kRawHeaderWords + i;
      residue->span[i] = ring.words[at & (kRingWords - 1)];
    }
  }
  LoadRegisters(context, &residue->registers);
  // Release: the background that takes the bit sees the whole slot.
  state->residue_ready.fetch_or(ResidueBit(*state, residue), std::memory_order_release);
  stacks->copy = nullptr;
  return true;
}

void CountTaken(Counters* counters, uint16_t flags, const Tick& tick) {
  const uint64_t n = tick.periods();
  Count(counters->taken, n);
  if (flags & model::kRawTruncated) Count(counters->truncated, n);
  if (!(flags & (model::kRawComplete | model::kRawResidue))) Count(counters->incomplete, n);
  if (flags & model::kRawFramePointer) Count(counters->frame_pointer, n);
  if (flags & model::kRawResidueLimited) Count(counters->residue_limited, n);
  if (flags & model::kRawResidue) Count(counters->residue, n);
}

uint16_t WalkStack(const Snapshot& snapshot, Stacks* stacks, RegisterSet* registers,
                   FrameWriter* frames, uint64_t* unknown, RuleMemo* memo) {
  const uint16_t flags = Walk(
      snapshot,
      [stacks](uint64_t sp, StackView* view) {
        const bool readable = stacks->Select(sp, view);
        stacks->crossed = true;
        return readable;
      },
      registers, frames, unknown, memo);
  constexpr uint16_t kStopped =
      model::kRawUnknownCode | model::kRawUnsupportedRow | model::kRawOutOfBounds;
  if ((flags & kStopped) && stacks->AtFiberRoot(registers->regs[kDwarfSp])) {
    return static_cast<uint16_t>((flags & ~kStopped) | model::kRawComplete);
  }
  return flags;
}

// Walks the interrupted stack into the thread's ring. The ring is `busy`, capture is armed.
void TakeSample(State* state, Ring* ring, const ThreadSlot* slot, uint64_t thread_pointer,
                const ucontext_t& context, const Tick& tick) {
  Counters& counters = state->counters;
  const uint64_t head = ring->head.load(std::memory_order_relaxed);
  const uint64_t room = ring->FreeWords();
  if (room < model::kRawHeaderWords + model::kSpanWords + 1) {
    Count(counters.ring_full, tick.periods());
    return;
  }
  const uint64_t fits = room - model::kRawHeaderWords - model::kSpanWords;
  const uint32_t most = state->max_frames.load(std::memory_order_relaxed);
  const uint32_t limit = fits < most ? static_cast<uint32_t>(fits) : most;

  RegisterSet registers;
  LoadRegisters(context, &registers);
  const bool asleep = tick.source != Tick::Source::kThread && MaybeAsleep(*state, registers);
  uint16_t flags = asleep ? model::kRawMaybeAsleep : 0;
  Stacks stacks{state, thread_pointer, slot};
  const uint32_t label_set = LabelSetOf(slot);
  uint64_t at = head + model::kRawHeaderWords;
  if (WriteSpan(*state, slot, thread_pointer, ring, at)) {
    flags |= model::kRawSpan;
    at += model::kSpanWords;
  }
  FrameWriter frames{ring->words, kRingWords - 1, at, 0, limit};
  uint64_t unknown = 0;
  // Acquire: the tables behind the pointer are complete. Ordered after `busy` (ring.h).
  const Snapshot* snapshot = state->snapshot.load(std::memory_order_seq_cst);
  uint16_t found = WalkStack(*snapshot, &stacks, &registers, &frames, &unknown, &ring->memo);
  if ((found & model::kRawOutOfBounds) && stacks.ReachFurther()) {
    LoadRegisters(context, &registers);
    frames.at = at;
    frames.count = 0;
    found = WalkStack(*snapshot, &stacks, &registers, &frames, &unknown, &ring->memo);
  }
  flags |= found;
  if (stacks.foreign) flags |= model::kRawForeignStack;
  if (unknown != 0) state->unknown_pc.store(unknown, std::memory_order_relaxed);

  if ((flags & model::kRawTruncated) && limit < most) {
    Count(counters.ring_full, tick.periods());
    stacks.Release();
    return;
  }
  // libunwind can help where a row could not be expressed and where a module is too new for the
  // tables; code of a known module without unwind information is as dark to it.
  if ((flags & model::kRawUnsupportedRow) || ((flags & model::kRawUnknownCode) && unknown != 0)) {
    if (LeaveResidue(state, &stacks, context, *ring, snapshot->generation, label_set, flags,
                     tick.overruns)) {
      CountTaken(&counters, flags | model::kRawResidue, tick);
      return;
    }
    flags |= model::kRawResidueLimited;
  }
  stacks.Release();

  const uint16_t words = static_cast<uint16_t>(at - head + frames.count);
  ring->words[head & (kRingWords - 1)] = uint64_t{words} | uint64_t{flags} << 16 |
                                         uint64_t{frames.count} << 32 |
                                         uint64_t{tick.overruns} << 48;
  ring->words[(head + 1) & (kRingWords - 1)] = snapshot->generation | uint64_t{label_set} << 32;
  ring->head.store(head + words, std::memory_order_release);  // partner: the drain
  CountTaken(&counters, flags, tick);
}

// After 10 ms of the host's work nothing of podo's is in the caches any more, and each locked
// instruction below waits for all loads before it: what will be read is asked for at once. A hint
// cannot fault, so it may follow pointers that are not to be trusted yet.
inline void Prefetch(const State& state, const Ring& ring, uint64_t thread_pointer,
                     const ucontext_t& context) {
  __builtin_prefetch(&ring, 1);
  ring.memo.Prefetch(ProgramCounterOf(context));
  __builtin_prefetch(state.snapshot.load(std::memory_order_relaxed));
  const ThreadLayout layout = Unpack(state.layout.load(std::memory_order_relaxed));
  __builtin_prefetch(
      reinterpret_cast<const char*>(ThreadBlock(thread_pointer) + layout.stack_offset));
}

// Counts a delivery; false if no stack is to be taken for it. `timed`: a timer of this thread's own
// counts its time.
[[gnu::always_inline]] inline bool IsToSample(State* state, bool timed, const siginfo_t& cause,
                                              const ucontext_t& context, Tick* tick) {
  *tick = TickOf(*state, cause);
  if (tick->overruns != 0 && HasJustUnblocked(context)) {
    tick->overruns = 0;  // the window shows them as [not sampled]
  }
  if (tick->source == Tick::Source::kProcess && timed) return false;
  Counters& counters = state->counters;
  if (tick->source == Tick::Source::kForeign) {
    Count(counters.ticks, 1);
    Count(counters.foreign, 1);
    return false;
  }
  const uint16_t late = tick->overruns;
  if (!Weigh(&state->throttle, tick)) return false;
  const uint64_t n = tick->periods();
  Count(counters.ticks, n);
  if (late != 0) Count(counters.overruns, n - n / (uint64_t{late} + 1));
  if (!IsPaused(model::tls_thread_slot)) return true;
  Count(counters.paused, n);
  return false;
}

// A ring wiped by Stop() or MADV_WIPEONFORK has another owner: claim afresh.
inline bool IsOwn(const Ring* ring, uint64_t thread_pointer) {
  return ring != nullptr && ring->owner.load(std::memory_order_relaxed) == thread_pointer;
}

inline bool IsTimed(const Ring& ring) { return ring.timed.load(std::memory_order_relaxed) != 0; }

[[gnu::always_inline]] inline void HandleTick(State* state, Ring* ring, const siginfo_t* cause,
                                              const void* context) {
  const uint64_t thread_pointer = reinterpret_cast<uint64_t>(__builtin_thread_pointer());
  if (ring != nullptr) [[likely]] {
    Prefetch(*state, *ring, thread_pointer, *static_cast<const ucontext_t*>(context));
  }
  const bool has_ring = IsOwn(ring, thread_pointer);
  Tick tick;
  if (!IsToSample(state, has_ring && IsTimed(*ring), *cause,
                  *static_cast<const ucontext_t*>(context), &tick)) {
    return;
  }
  Counters& counters = state->counters;
  const uint64_t n = tick.periods();
  const ThreadSlot* slot = model::tls_thread_slot;
  if (!has_ring) {
    ring = ClaimRing(state, thread_pointer);
    if (ring == nullptr) return Count(counters.no_ring, n);
    tls_ring = ring;
  }
  // Two kernel threads may share one thread pointer (a raw clone): only one may write.
  uint32_t nobody = 0;
  uint32_t visitor = static_cast<uint32_t>(thread_pointer >> 4) | 1;
  if (!ring->busy.compare_exchange_strong(nobody, visitor, std::memory_order_seq_cst)) {
    return Count(counters.nested, n);
  }
  // Stop() came before `busy`; and perhaps Start(), too, and another thread that has the ring now.
  // Then `busy` was wiped, and may be that thread's: only one's own is taken back. A thread that
  // gets past here keeps the ring, since Stop() waits for it before it wipes.
  if (state->armed.load(std::memory_order_seq_cst) == 0 ||
      ring->owner.load(std::memory_order_relaxed) != thread_pointer) [[unlikely]] {
    ring->busy.compare_exchange_strong(visitor, 0, std::memory_order_release,
                                       std::memory_order_relaxed);
    return Count(counters.paused, n);
  }
  if (ring->tid.load(std::memory_order_relaxed) == 0) {
    // Release: the drain that sees a tid also sees the claimed ring.
    ring->tid.store(ThreadId(*state, thread_pointer), std::memory_order_release);
  }
  TakeSample(state, ring, slot, thread_pointer, *static_cast<const ucontext_t*>(context), tick);
  // Release: whoever sees 0 sees all that was done inside.
  ring->busy.store(0, std::memory_order_release);
}

}  // namespace

extern "C" __attribute__((visibility("hidden"), used)) void podo_sigprof_handler(int,
                                                                                 siginfo_t* cause,
                                                                                 void* context) {
  Ring* ring = tls_ring;
  State* state = g_state.load(std::memory_order_acquire);
  if (state == nullptr || state->armed.load(std::memory_order_relaxed) == 0) return;
  const uint64_t begin = base::CycleCount();
  HandleTick(state, ring, cause, context);
  const uint64_t end = base::CycleCount();
  const Throttle& throttle = state->throttle;
  const uint64_t most = throttle.most_cycles.load(std::memory_order_relaxed);
  const uint64_t spent = end < begin ? 0 : end - begin < most ? end - begin : most;
  Count(state->counters.cycles, spent + throttle.delivery_cycles.load(std::memory_order_relaxed));
}

// On an alternate signal stack without room for the handler: counted only. Uses no stack itself.
extern "C" __attribute__((visibility("hidden"), used)) void podo_sigprof_no_room(int,
                                                                                 siginfo_t* cause,
                                                                                 void* context) {
  const Ring* ring = tls_ring;
  State* state = g_state.load(std::memory_order_acquire);
  if (state == nullptr || state->armed.load(std::memory_order_relaxed) == 0) return;
  const bool timed =
      IsOwn(ring, reinterpret_cast<uint64_t>(__builtin_thread_pointer())) && IsTimed(*ring);
  Tick tick;
  if (IsToSample(state, timed, *cause, *static_cast<const ucontext_t*>(context), &tick)) {
    Count(state->counters.small_stack, tick.periods());
  }
}

}  // namespace podo::capture
