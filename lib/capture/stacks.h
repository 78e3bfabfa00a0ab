// SPDX-License-Identifier: Apache-2.0
// The stacks a tick may read: the thread's own, between its bounds, and any other through a copy
// that the kernel checks. Part of the handler's object; included by handler.cc only.
#ifndef PODO_LIB_CAPTURE_STACKS_H_
#define PODO_LIB_CAPTURE_STACKS_H_

#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstdint>

#include "capture/state.h"
#include "capture/walk.h"

namespace podo::capture {
// Unnamed: a linker must never take one of these from another object.
namespace {

using model::Residue;

long SystemCall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                long f = 0) {
  // No libc, hence no errno.
#if defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#else
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#endif
}

// memcpy and memset are libc's, and loops of this shape the compiler makes into calls of them, but
// for `volatile`.
using Word [[gnu::may_alias, gnu::aligned(1)]] = uint64_t;

inline void CopyBytes(void* to, const void* from, uint64_t bytes) {
#if defined(__x86_64__)
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
#else
  auto* t = static_cast<volatile Word*>(to);
  const auto* f = static_cast<const volatile Word*>(from);
  for (; bytes >= sizeof *t; bytes -= sizeof *t) *t++ = *f++;
  auto* t1 = reinterpret_cast<volatile unsigned char*>(t);
  const auto* f1 = reinterpret_cast<const volatile unsigned char*>(f);
  while (bytes-- != 0) *t1++ = *f1++;
#endif
}

inline void WipeBytes(void* to, uint64_t bytes) {
#if defined(__x86_64__)
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(0) : "memory");
#else
  auto* t = static_cast<volatile Word*>(to);
  for (; bytes >= sizeof *t; bytes -= sizeof *t) *t++ = 0;
  auto* t1 = reinterpret_cast<volatile unsigned char*>(t);
  while (bytes-- != 0) *t1++ = 0;
#endif
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

// Copies the stack from `address` up, at most `limit` bytes, with the kernel checking every page:
// memory that is not mapped ends the copy instead of the process. Returns the bytes copied.
[[gnu::noinline]] uint64_t CopyChecked(const State& state, uint64_t address, unsigned char* to,
                                       uint64_t limit) {
  constexpr uint64_t kPage = 4096;
  uint64_t done = 0;
  // Two pages a call at most, one element each: partial transfers are only promised between
  // elements (process_vm_readv(2)).
  while (done < limit) {
    const uint64_t left = limit - done;
    const uint64_t at = address + done;
    const uint64_t first = left < kPage - at % kPage ? left : kPage - at % kPage;
    const uint64_t second = left - first < kPage ? left - first : kPage;
    iovec from[2] = {{reinterpret_cast<void*>(at), first},
                     {reinterpret_cast<void*>(at + first), second}};
    iovec into = {to + done, first + second};
    const long copied = SystemCall(SYS_process_vm_readv, static_cast<long>(state.reader_tid),
                                   reinterpret_cast<long>(&into), 1, reinterpret_cast<long>(from),
                                   second != 0 ? 2 : 1, 0);
    if (copied > 0) done += static_cast<uint64_t>(copied);
    if (copied != static_cast<long>(first + second)) break;
  }
  return done & ~uint64_t{7};
}

// True if the word at `address` can be read; asks the kernel.
[[gnu::noinline]] bool Readable(const State& state, uint64_t address) {
  uint64_t word;
  iovec from = {reinterpret_cast<void*>(address), sizeof word};
  iovec into = {&word, sizeof word};
  return SystemCall(SYS_process_vm_readv, static_cast<long>(state.reader_tid),
                    reinterpret_cast<long>(&into), 1, reinterpret_cast<long>(&from), 1,
                    0) == static_cast<long>(sizeof word);
}

// Where the readable stack begins. The interrupted code may have popped registers already while its
// rules still name the slots just below sp (GCC's epilogues), or keep its CFA there (OpenSSL's
// SHA-512); psABI 3.2.2 keeps 128 bytes from being overwritten. Across a page's edge, where a guard
// may begin, only if this handler itself runs right below.
uint64_t RedZone(uint64_t sp) {
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
  const model::ThreadSlot* slot;
  Residue* copy = nullptr;
  bool foreign = false;
  bool crossed = false;  // beyond a signal frame: sp may stand where the stack overflowed
  uint64_t reach = model::kForeignCopyBytes;  // how much of a stack without bounds is copied
  uint64_t used = 0;                          // bytes of the slot written in this tick

  // How much to copy of a foreign stack from `from` up: all of a fiber's stack that was announced.
  uint64_t ForeignBytes(uint64_t from) const {
    const uint64_t hi = slot != nullptr ? slot->fiber_hi.load(std::memory_order_relaxed) : 0;
    if (from >= hi || from < slot->fiber_lo.load(std::memory_order_relaxed)) return reach;
    return hi - from < model::kResidueStackBytes ? hi - from : model::kResidueStackBytes;
  }

  // After a walk that ended outside the copy: true if a longer one may help. Then walk again.
  bool ReachFurther() {
    if (!foreign || copy->stack_bytes != reach || reach == model::kResidueStackBytes) return false;
    reach = model::kResidueStackBytes;
    crossed = false;
    return true;
  }

  // True if `sp`, where a walk ended, is so near the top of an announced fiber's stack that only
  // the fiber's entry can be there (Boost.Context keeps some 200 bytes of its own above it).
  bool AtFiberRoot(uint64_t sp) const {
    constexpr uint64_t kEntryBytes = 512;
    const uint64_t hi = slot != nullptr ? slot->fiber_hi.load(std::memory_order_relaxed) : 0;
    return sp < hi && hi - sp <= kEntryBytes;
  }

  // The bounds of the thread's own stack. The main thread's block says {0, __libc_stack_end}.
  bool OwnBounds(uint64_t* lo, uint64_t* hi) const {
    const ThreadLayout layout = Unpack(state->layout.load(std::memory_order_acquire));
    if (layout.stack_offset == 0) return false;
    const auto* block =
        reinterpret_cast<const uint64_t*>(ThreadBlock(thread_pointer) + layout.stack_offset);
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
    copy->stack_bytes = CopyChecked(*state, from, copy->stack, ForeignBytes(from));
    copy->stack_address = from;
    NoteUse();
    *view = {from, from + copy->stack_bytes, reinterpret_cast<uint64_t>(copy->stack) - from};
    return copy->stack_bytes != 0;
  }

  // Fills the residue slot with the stack from the red zone of `sp` up.
  bool CopyForResidue(uint64_t sp) {
    if (copy != nullptr && copy->stack_address == RedZone(sp) && copy->stack_bytes != reach) {
      return copy->stack_bytes != 0;
    }
    StackView view;
    crossed = false;
    reach = model::kResidueStackBytes;
    if (!Select(sp, &view)) return false;
    if (view.delta != 0) return true;
    if (copy == nullptr) copy = ClaimResidue(state);
    if (copy == nullptr) return false;
    const uint64_t bytes = view.hi - view.lo;
    copy->stack_bytes = bytes < model::kResidueStackBytes ? bytes : model::kResidueStackBytes;
    copy->stack_address = view.lo;
    NoteUse();
    CopyBytes(copy->stack, reinterpret_cast<const void*>(view.lo), copy->stack_bytes);
    return true;
  }

  // Several copies may follow each other in one tick; all of them are wiped.
  void NoteUse() {
    if (copy->stack_bytes > used) used = copy->stack_bytes;
  }

  // Gives an unused slot back, wiped.
  void Release() {
    if (copy == nullptr) return;
    WipeBytes(copy->stack, used);
    state->residue_free.fetch_or(ResidueBit(*state, copy), std::memory_order_release);
    copy = nullptr;
  }
};

}  // namespace
}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_STACKS_H_
