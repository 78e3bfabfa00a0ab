// SPDX-License-Identifier: Apache-2.0
// What the interrupted thread was doing, by its registers: the part of the handler that differs
// from processor to processor. Included by handler.cc only.
#ifndef PODO_LIB_CAPTURE_INTERRUPTED_H_
#define PODO_LIB_CAPTURE_INTERRUPTED_H_

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <cstdint>

#include "capture/stacks.h"
#include "capture/walk.h"

namespace podo::capture {
// Unnamed: a linker must never take one of these from another object.
namespace {

using model::RegisterSet;

// Calls that wait for others, and that the kernel restarts after a signal (SA_RESTART).
inline bool IsWaiting(long call) {
  switch (call) {
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

#if defined(__x86_64__)

inline uint64_t StackPointerOf(const ucontext_t& context) {
  return static_cast<uint64_t>(context.uc_mcontext.gregs[REG_RSP]);
}
inline uint64_t ProgramCounterOf(const ucontext_t& context) {
  return static_cast<uint64_t>(context.uc_mcontext.gregs[REG_RIP]);
}

// A thread that had the signal blocked gets one delivery for all that time as it unblocks it, and
// the stack of that moment is not where the time went. Told by the registers: rt_sigprocmask(how,
// set, old, 8) has just returned 0 (`syscall` leaves the return address in rcx).
inline bool HasJustUnblocked(const ucontext_t& context) {
  const greg_t* r = context.uc_mcontext.gregs;
  return r[REG_RAX] == 0 && r[REG_RCX] == r[REG_RIP] && r[REG_R10] == 8 &&
         static_cast<uint64_t>(r[REG_RDI]) <= SIG_SETMASK;
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
inline bool MaybeAsleep(const State&, const RegisterSet& r) {
  const long rax = static_cast<long>(r.regs[0]);
  const uint64_t rcx = r.regs[2];
  if (rcx == r.pc) return rax == -4 || (rax <= -512 && rax >= -516 && rax != -515);
  if (rcx != r.pc + 2) return false;
  return IsWaiting(rax);
}

#elif defined(__aarch64__)

inline uint64_t StackPointerOf(const ucontext_t& context) { return context.uc_mcontext.sp; }
inline uint64_t ProgramCounterOf(const ucontext_t& context) { return context.uc_mcontext.pc; }

// As above. The call's number stays in x8, and the size of the set in x3, until the code uses these
// registers again: a tick in the few instructions after it is taken for such a one, too.
inline bool HasJustUnblocked(const ucontext_t& context) {
  const auto* r = context.uc_mcontext.regs;
  return r[8] == SYS_rt_sigprocmask && r[0] == 0 && r[3] == 8;
}

inline void LoadRegisters(const ucontext_t& context, RegisterSet* r) {
  for (int i = 0; i < 31; ++i) r->regs[i] = context.uc_mcontext.regs[i];
  r->regs[kDwarfSp] = context.uc_mcontext.sp;
  r->pc = context.uc_mcontext.pc;
  r->valid = kAllRegsValid;
}

// As above. Nothing in the registers tells that `svc` was the last instruction, so that one is
// read, by the kernel; only while x8 names such a call.
//  - The call ends with EINTR: pc is behind the `svc`, x0 holds the error.
//  - The kernel restarts it: pc was set back to the `svc`.
inline bool MaybeAsleep(const State& state, const RegisterSet& r) {
  constexpr uint32_t kSvc = 0xD4000001;
  const long result = static_cast<long>(r.regs[0]);
  const bool failed = result == -4 || (result <= -512 && result >= -516 && result != -515);
  if (!failed && !IsWaiting(static_cast<long>(r.regs[8]))) return false;
  uint64_t word = 0;  // the instruction before pc, and the one at it
  if (CopyChecked(state, r.pc - 4, reinterpret_cast<unsigned char*>(&word), sizeof word) == 0) {
    return false;
  }
  return failed ? static_cast<uint32_t>(word) == kSvc : word >> 32 == kSvc;
}

#endif

}  // namespace
}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_INTERRUPTED_H_
