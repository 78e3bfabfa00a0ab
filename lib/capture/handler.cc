// SPDX-License-Identifier: Apache-2.0
#include "capture/handler.h"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>

#include "capture/walk.h"

namespace podo::capture {

std::atomic<State*> g_state{nullptr};

namespace {

using model::RegisterSet;
using model::Residue;

// Initial-exec: part of the static TLS block, so that touching it can never allocate. A fresh
// thread starts with nullptr, also on a stack that glibc reuses.
__thread Ring* tls_ring __attribute__((tls_model("initial-exec"))) = nullptr;

// Relaxed: counters order nothing.
inline void Count(std::atomic<uint64_t>& counter) {
  counter.fetch_add(1, std::memory_order_relaxed);
}

inline long SystemCall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                       long f = 0) {
  // No libc, hence no errno.
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

inline void LoadRegisters(const ucontext_t& context, RegisterSet* r) {
  // DWARF order; see sys/ucontext.h for the kernel's.
  constexpr uint8_t kGreg[16] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                 REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15};
  const greg_t* gregs = context.uc_mcontext.gregs;
  for (int i = 0; i < 16; ++i) r->regs[i] = static_cast<uint64_t>(gregs[kGreg[i]]);
  r->pc = static_cast<uint64_t>(gregs[REG_RIP]);
  r->valid = kAllRegsValid;
}

// True if the tick interrupted a system call that was waiting: the CPU time may be another
// thread's, one that blocks SIGPROF. No memory is read: `syscall` leaves the return address in rcx
// (Intel SDM).
//  - The call ends with EINTR (or a restart code): pc == rcx.
//  - The kernel restarts it (SA_RESTART): pc was set back by the two bytes of the instruction and
//    rax holds the call's number again.
inline bool MaybeAsleep(const RegisterSet& r) {
  const long rax = static_cast<long>(r.regs[0]);
  const uint64_t rcx = r.regs[2];
  if (rcx == r.pc) return rax == -4 || (rax <= -512 && rax >= -516 && rax != -515);
  if (rcx != r.pc + 2) return false;
  switch (rax) {
    case SYS_read:
    case SYS_write:
    case SYS_readv:
    case SYS_writev:
    case SYS_futex:
    case SYS_wait4:
    case SYS_waitid:
    case SYS_accept:
    case SYS_accept4:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_connect:
    case SYS_flock:
    case SYS_fcntl:
      return true;
    default:
      return false;
  }
}

// A free ring for the calling thread, or nullptr. Bounded: one pass over the words, and at most
// kMaxTries lost races.
Ring* ClaimRing(State* state, uint64_t thread_pointer) {
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
        uint32_t high = state->high_water.load(std::memory_order_relaxed);
        // Release: the drain that sees the new bound also sees a consistent ring. Another thread
        // may raise it in between; then ours is below. At most one retry per concurrent claim.
        while (high <= index &&
               !state->high_water.compare_exchange_weak(high, index + 1, std::memory_order_release,
                                                        std::memory_order_relaxed)) {
          if (++tries == kMaxTries) break;
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
    return *reinterpret_cast<const uint32_t*>(thread_pointer + layout.tid_offset);
  }
  return static_cast<uint32_t>(
      SystemCall(SYS_gettid));  // once per thread, until the layout is known
}

// A free residue slot, or nullptr. Acquire pairs with the background's release after its wipe.
Residue* ClaimResidue(State* state) {
  uint64_t bits = state->residue_free.load(std::memory_order_relaxed);
  for (int tries = 0; bits != 0 && tries < 64; ++tries) {
    const uint64_t bit = bits & -bits;
    if (state->residue_free.compare_exchange_weak(bits, bits & ~bit, std::memory_order_acquire,
                                                  std::memory_order_relaxed)) {
      return &state->residues[__builtin_ctzll(bit)];
    }
  }
  return nullptr;
}

uint64_t ResidueBit(const State& state, const Residue* residue) {
  return uint64_t{1} << (residue - state.residues);
}

// Copies the stack from `address` up with the kernel checking every page: memory that is not mapped
// ends the copy instead of the process. Returns the bytes copied.
[[gnu::noinline]] uint64_t CopyChecked(const State& state, uint64_t address, unsigned char* to) {
  constexpr uint64_t kPage = 4096;
  const uint64_t first = kPage - address % kPage;
  // One element a page: partial transfers are only promised between elements (process_vm_readv(2)).
  iovec from[3] = {
      {reinterpret_cast<void*>(address), first},
      {reinterpret_cast<void*>(address + first), kPage},
      {reinterpret_cast<void*>(address + first + kPage), model::kForeignCopyBytes - kPage - first}};
  iovec into = {to, model::kForeignCopyBytes};
  const long copied =
      SystemCall(SYS_process_vm_readv, static_cast<long>(state.pid), reinterpret_cast<long>(&into),
                 1, reinterpret_cast<long>(from), first == kPage ? 2 : 3, 0);
  return copied > 0 ? static_cast<uint64_t>(copied) & ~uint64_t{7} : 0;
}

// True if the word at `address` can be read; asks the kernel.
[[gnu::noinline]] bool Readable(const State& state, uint64_t address) {
  uint64_t word;
  iovec from = {reinterpret_cast<void*>(address), sizeof word};
  iovec into = {&word, sizeof word};
  return SystemCall(SYS_process_vm_readv, static_cast<long>(state.pid),
                    reinterpret_cast<long>(&into), 1, reinterpret_cast<long>(&from), 1,
                    0) == static_cast<long>(sizeof word);
}

// Where the readable stack begins. The interrupted code may have popped registers already while its
// rules still name the slots just below sp (GCC's epilogues), or keep its CFA there (OpenSSL's
// SHA-512); psABI 3.2.2 keeps 128 bytes from being overwritten. Across a page's edge, where a guard
// may begin, only if this handler itself runs right below.
inline uint64_t RedZone(uint64_t sp) {
  constexpr uint64_t kSignalFrameBytes = 16 << 10;  // AT_MINSIGSTKSZ with AMX is 12 KB
  const uint64_t here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  const uint64_t page = sp & ~uint64_t{4095};
  return sp - page >= 128 || sp - here < kSignalFrameBytes ? sp - 128 : page;
}

// One tick's view of the stacks: the thread's own stack directly, any other through a checked copy
// in a residue slot.
struct Stacks {
  State* state;
  uint64_t thread_pointer;
  Residue* copy = nullptr;
  bool foreign = false;
  bool crossed = false;  // beyond a signal frame: sp may stand where the stack overflowed

  // The bounds of the thread's own stack. The main thread's block says {0, __libc_stack_end}.
  bool OwnBounds(uint64_t* lo, uint64_t* hi) const {
    const ThreadLayout layout = Unpack(state->layout.load(std::memory_order_acquire));
    if (layout.stack_offset == 0) return false;
    const auto* block = reinterpret_cast<const uint64_t*>(thread_pointer + layout.stack_offset);
    *lo = block[0];
    *hi = block[0] + block[1];
    if (*lo == 0) {
      *lo = *hi - state->main_stack_bytes;
      return true;
    }
    // glibc keeps the thread block at the top of a stack: what is above is not stack.
    if (thread_pointer <= *lo || thread_pointer > *hi) return false;
    // The guard's size follows; a value that cannot be one is left alone.
    if (!crossed && block[2] < block[1] && (block[2] & 4095) == 0) *lo += block[2];
    *hi = thread_pointer;
    return true;
  }

  bool Select(uint64_t sp, StackView* view) {
    uint64_t lo, hi;
    if (OwnBounds(&lo, &hi) && sp >= lo && sp < hi) {
      uint64_t from = RedZone(sp);
      if (crossed && !Readable(*state, sp)) {
        from = (sp | 4095) + 1;  // the stack overflowed into this page; the next one is stack
        if (from >= hi || !Readable(*state, from)) return false;
      }
      *view = {from, hi, 0};
      return true;
    }
    if (copy == nullptr) copy = ClaimResidue(state);
    if (copy == nullptr) return false;
    foreign = true;
    const uint64_t from = RedZone(sp);
    copy->stack_bytes = CopyChecked(*state, from, copy->stack);
    copy->stack_address = from;
    *view = {from, from + copy->stack_bytes, reinterpret_cast<uint64_t>(copy->stack) - from};
    return copy->stack_bytes != 0;
  }

  // Fills the residue slot with the stack from the red zone of `sp` up.
  bool CopyForResidue(uint64_t sp) {
    if (copy != nullptr && copy->stack_address == RedZone(sp)) return copy->stack_bytes != 0;
    StackView view;
    crossed = false;
    if (!Select(sp, &view)) return false;
    if (view.delta != 0) return true;
    if (copy == nullptr) copy = ClaimResidue(state);
    if (copy == nullptr) return false;
    const uint64_t bytes = view.hi - view.lo;
    copy->stack_bytes = bytes < model::kResidueStackBytes ? bytes : model::kResidueStackBytes;
    copy->stack_address = view.lo;
    void* to = copy->stack;
    const void* from = reinterpret_cast<const void*>(view.lo);
    uint64_t left = copy->stack_bytes;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(left) : : "memory");
    return true;
  }

  // Gives an unused slot back, wiped up to what was copied into it (an earlier copy of the same
  // tick may have been longer than the last one, never longer than kForeignCopyBytes).
  void Release() {
    if (copy == nullptr) return;
    void* to = copy->stack;
    uint64_t left =
        copy->stack_bytes > model::kForeignCopyBytes ? copy->stack_bytes : model::kForeignCopyBytes;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(left) : "a"(0) : "memory");
    state->residue_free.fetch_or(ResidueBit(*state, copy), std::memory_order_release);
    copy = nullptr;
  }
};

// A quarter of the samples at most may go to libunwind, which costs the background some 25 us each;
// but for the first ones, taken while the tables are not ready.
bool ResidueAllowed(const Counters& counters) {
  constexpr uint64_t kFirst = 1000;
  const uint64_t residue = counters.residue.load(std::memory_order_relaxed);
  return residue < kFirst || residue * 4 < counters.taken.load(std::memory_order_relaxed);
}

// Hands the stack to libunwind; false if no slot or too many already.
bool LeaveResidue(State* state, Stacks* stacks, const ucontext_t& context, const Ring& ring,
                  uint32_t generation, uint16_t flags) {
  if (!ResidueAllowed(state->counters)) return false;
  if (!stacks->CopyForResidue(static_cast<uint64_t>(context.uc_mcontext.gregs[REG_RSP]))) {
    return false;
  }
  Residue* residue = stacks->copy;
  residue->tid = ring.tid.load(std::memory_order_relaxed);
  residue->generation = generation;
  residue->label_set = 0;
  residue->flags = flags;
  LoadRegisters(context, &residue->registers);
  // Release: the background that takes the bit sees the whole slot.
  state->residue_ready.fetch_or(ResidueBit(*state, residue), std::memory_order_release);
  stacks->copy = nullptr;
  return true;
}

void CountTaken(Counters* counters, uint16_t flags) {
  Count(counters->taken);
  if (flags & model::kRawTruncated) Count(counters->truncated);
  if (!(flags & (model::kRawComplete | model::kRawResidue))) Count(counters->incomplete);
  if (flags & model::kRawFramePointer) Count(counters->frame_pointer);
  if (flags & model::kRawResidueLimited) Count(counters->residue_limited);
  if (flags & model::kRawResidue) Count(counters->residue);
}

// Walks the interrupted stack into the thread's ring. The ring is `busy`, capture is armed.
void TakeSample(State* state, Ring* ring, uint64_t thread_pointer, const ucontext_t& context) {
  Counters& counters = state->counters;
  const uint64_t head = ring->head.load(std::memory_order_relaxed);
  const uint64_t room = ring->FreeWords();
  if (room < model::kRawHeaderWords + 1) {
    Count(counters.ring_full);
    return;
  }
  const uint64_t fits = room - model::kRawHeaderWords;
  const uint32_t limit = fits < state->max_frames ? static_cast<uint32_t>(fits) : state->max_frames;

  RegisterSet registers;
  LoadRegisters(context, &registers);
  uint16_t flags = MaybeAsleep(registers) ? model::kRawMaybeAsleep : 0;
  Stacks stacks{state, thread_pointer};
  FrameWriter frames{ring->words, kRingWords - 1, head + model::kRawHeaderWords, 0, limit};
  uint64_t unknown = 0;
  // Acquire: the tables behind the pointer are complete. Ordered after busy's exchange (ring.h).
  const Snapshot* snapshot = state->snapshot.load(std::memory_order_seq_cst);
  flags |= Walk(
      *snapshot,
      [&](uint64_t sp, StackView* view) {
        const bool readable = stacks.Select(sp, view);
        stacks.crossed = true;
        return readable;
      },
      &registers, &frames, &unknown);
  if (stacks.foreign) flags |= model::kRawForeignStack;
  if (unknown != 0) state->unknown_pc.store(unknown, std::memory_order_relaxed);

  if ((flags & model::kRawTruncated) && limit < state->max_frames) {
    Count(counters.ring_full);
    stacks.Release();
    return;
  }
  // libunwind can help where a row could not be expressed and where a module is too new for the
  // tables; code of a known module without unwind information is as dark to it.
  if ((flags & model::kRawUnsupportedRow) || ((flags & model::kRawUnknownCode) && unknown != 0)) {
    if (LeaveResidue(state, &stacks, context, *ring, snapshot->generation, flags)) {
      CountTaken(&counters, flags | model::kRawResidue);
      return;
    }
    flags |= model::kRawResidueLimited;
  }
  stacks.Release();

  const uint16_t words = static_cast<uint16_t>(model::kRawHeaderWords + frames.count);
  ring->words[head & (kRingWords - 1)] =
      uint64_t{words} | uint64_t{flags} << 16 | uint64_t{frames.count} << 32;
  ring->words[(head + 1) & (kRingWords - 1)] = snapshot->generation;  // label set 0 above it
  ring->head.store(head + words, std::memory_order_release);          // partner: the drain
  CountTaken(&counters, flags);
}

}  // namespace

extern "C" __attribute__((visibility("hidden"), used)) void podo_sigprof_handler(int,
                                                                                 siginfo_t* cause,
                                                                                 void* context) {
  State* state = g_state.load(std::memory_order_acquire);
  if (state == nullptr || state->armed.load(std::memory_order_relaxed) == 0) return;
  Counters& counters = state->counters;
  Count(counters.ticks);
  if (cause->si_code != SI_KERNEL && state->sample_foreign == 0) return Count(counters.foreign);
  Ring* ring = tls_ring;

  const uint64_t thread_pointer = reinterpret_cast<uint64_t>(__builtin_thread_pointer());
  // A ring wiped by Stop() or MADV_WIPEONFORK has another owner: claim afresh.
  if (ring == nullptr || ring->owner.load(std::memory_order_relaxed) != thread_pointer) {
    ring = ClaimRing(state, thread_pointer);
    if (ring == nullptr) return Count(counters.no_ring);
    tls_ring = ring;
  }
  // Two kernel threads may share one thread pointer (a raw clone): only one may write.
  if (ring->busy.exchange(1, std::memory_order_seq_cst) != 0) return Count(counters.nested);
  if (state->armed.load(std::memory_order_seq_cst) == 0) {
    Count(counters.paused);  // Stop() came in between; it waits for `busy` before it wipes
  } else {
    if (ring->tid.load(std::memory_order_relaxed) == 0) {
      // Release: the drain that sees a tid also sees the claimed ring.
      ring->tid.store(ThreadId(*state, thread_pointer), std::memory_order_release);
    }
    TakeSample(state, ring, thread_pointer, *static_cast<const ucontext_t*>(context));
  }
  // Release: whoever sees 0 sees all that was done inside.
  ring->busy.store(0, std::memory_order_release);
}

}  // namespace podo::capture

// The entry, with kHandlerMagic in front of it.
#if defined(__x86_64__)
__asm__(
    ".pushsection .text\n"
    ".balign 16\n"
    ".ascii \"podo-sigprof-v01\"\n"
    ".globl podo_sigprof_entry\n"
    ".hidden podo_sigprof_entry\n"
    ".type podo_sigprof_entry, @function\n"
    "podo_sigprof_entry:\n"
    ".cfi_startproc\n"
    "endbr64\n"
    "jmp podo_sigprof_handler\n"
    ".cfi_endproc\n"
    ".size podo_sigprof_entry, . - podo_sigprof_entry\n"
    ".popsection\n");
#endif
