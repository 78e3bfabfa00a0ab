// SPDX-License-Identifier: Apache-2.0
// podo's handler beside libgcc's unwinder (backtrace()) at the same ticks, on aarch64: in a chain
// of calls, in a leaf function without a frame, across the frame of another signal, and on code
// whose return addresses are signed.
#include <execinfo.h>
#include <signal.h>
#include <ucontext.h>

#include <cstdint>
#include <cstdio>

#include "../capture/oracle_probe.h"

namespace {

probe::Seen g_seen;
void* g_oracle[256];
int g_oracle_count = 0;

void OnSample(int signal, siginfo_t*, void* context) {
  probe::Take(context, &g_seen);
  g_oracle_count = backtrace(g_oracle, 256);
  // The trap is the leaf's only way to be interrupted at a known place.
  if (signal != SIGPROF) static_cast<ucontext_t*>(context)->uc_mcontext.pc += 4;
}

// A handler of the program's that is itself interrupted.
[[gnu::noinline]] void OnOther(int, siginfo_t*, void* context) {
  raise(SIGPROF);
  static_cast<ucontext_t*>(context)->uc_mcontext.pc += 4;
}

void Handle(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  sigaction(signal, &action, nullptr);
}

// "seen NAME same frames oracle flags": same is 1 if podo's frames are the oracle's, which has two
// more in front: the handler that asks, and the kernel's trampoline. Callers' are return addresses
// there, and one less in podo's.
void Report(const char* name) {
  const int count = static_cast<int>(g_seen.count);
  int same = 0;
  for (int i = 0; i < count && i + 2 < g_oracle_count; ++i) {
    const uint64_t there = reinterpret_cast<uint64_t>(g_oracle[i + 2]);
    same += there == g_seen.frames[i] || there == g_seen.frames[i] + 1;
  }
  std::printf("seen %s %d %d %d %u\n", name, count > 3 && same == count, count, g_oracle_count,
              g_seen.flags);
  if (same == count) return;
  for (int i = 0; i < count; ++i) {
    std::printf("frame %llx\n", static_cast<unsigned long long>(g_seen.frames[i]));
  }
  for (int i = 0; i < g_oracle_count; ++i) std::printf("oracle %p\n", g_oracle[i]);
}

}  // namespace

// Nothing is saved: the return address is in x30, the CFA is sp.
extern "C" void Leaf();
__asm__(
    ".pushsection .text\n"
    ".balign 16\n"
    ".globl Leaf\n"
    ".type Leaf, %function\n"
    "Leaf:\n"
    ".cfi_startproc\n"
    "hint #34\n"
    "udf #0\n"
    "ret\n"
    ".cfi_endproc\n"
    ".size Leaf, . - Leaf\n"
    ".popsection\n");

[[gnu::noinline]] int Deep(int depth) {
  if (depth == 0) {
    raise(SIGPROF);
    Report("calls");
    Leaf();
    Report("leaf");
    Handle(SIGILL, OnOther);
    Leaf();
    Report("signals");
    return 0;
  }
  return Deep(depth - 1) + depth;
}

int main() {
  probe::Open();
  Handle(SIGPROF, OnSample);
  Handle(SIGILL, OnSample);
  const int sum = Deep(20);
  std::printf("signed=%d\nsum=%d\n",
#if defined(__ARM_FEATURE_PAC_DEFAULT)
              1,
#else
              0,
#endif
              sum);
  return 0;
}
