// SPDX-License-Identifier: Apache-2.0
#include "capture/chained_handler.h"

#include <sys/syscall.h>
#include <ucontext.h>

#include "capture/handler.h"

namespace podo::capture {

std::atomic<HostHandler> g_host_handler{nullptr};
std::atomic<uint64_t> g_host_mask{0};

namespace {

// podo's disposition blocks everything: a fault in the program's handler, which it may well mean to
// catch, would be the end. The kernel puts the interrupted mask back when that returns. No libc,
// hence no errno. Not inlined: a variable on the stack would make a call of the jump.
[[gnu::noinline]] void BlockAsHostWants(const ucontext_t& interrupted) {
  uint64_t mask;
  __builtin_memcpy(&mask, &interrupted.uc_sigmask, sizeof mask);
  mask |= g_host_mask.load(std::memory_order_relaxed);
#if defined(__x86_64__)
  register long size __asm__("r10") = sizeof mask;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(SYS_rt_sigprocmask), "D"(SIG_SETMASK), "S"(&mask), "d"(0), "r"(size)
                   : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long number __asm__("x8") = SYS_rt_sigprocmask;
  register long how __asm__("x0") = SIG_SETMASK;
  register const void* set __asm__("x1") = &mask;
  register long old __asm__("x2") = 0;
  register long size __asm__("x3") = sizeof mask;
  __asm__ volatile("svc #0" : "+r"(how) : "r"(number), "r"(set), "r"(old), "r"(size) : "memory");
#endif
}

}  // namespace

// A jump either way: the program's handler finds the stack as without podo.
extern "C" __attribute__((visibility("hidden"), used)) void podo_chain_handler(int signal,
                                                                               siginfo_t* cause,
                                                                               void* context) {
  const State* state = g_state.load(std::memory_order_acquire);
  if (cause->si_code == SI_TIMER && state != nullptr) {
    const void* tag = cause->si_value.sival_ptr;
    if (tag == ThreadTick(*state) || tag == ProcessTick(*state)) {
      return podo_sigprof_entry(signal, cause, context);
    }
  }
  const HostHandler host = g_host_handler.load(std::memory_order_acquire);
  BlockAsHostWants(*static_cast<const ucontext_t*>(context));
  return host(signal, cause, context);
}

}  // namespace podo::capture

#if defined(__x86_64__)
#define PODO_LANDING "endbr64\n"
#define PODO_JUMP "jmp"
#elif defined(__aarch64__)
#define PODO_LANDING "hint #34\n"
#define PODO_JUMP "b"
#endif
__asm__(
    ".pushsection .text\n"
    ".balign 16\n"
    ".ascii \"podo-sigprof-v01\"\n"
    ".globl podo_chain_entry\n"
    ".hidden podo_chain_entry\n"
    ".type podo_chain_entry, %function\n"
    "podo_chain_entry:\n"
    ".cfi_startproc\n" PODO_LANDING PODO_JUMP
    " podo_chain_handler\n"
    ".cfi_endproc\n"
    ".size podo_chain_entry, . - podo_chain_entry\n"
    ".popsection\n");
