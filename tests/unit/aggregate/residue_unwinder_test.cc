// SPDX-License-Identifier: Apache-2.0
// libunwind on copies of this very thread's stack, against what the compiler knows.
#include "aggregate/residue_unwinder.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>

namespace podo::aggregate {
namespace {

#if !defined(__SANITIZE_ADDRESS__)  // which moves frames off the stack
std::unique_ptr<model::Residue> g_residue;
const void* g_callers[2];  // return addresses the compiler reports

// What the handler does at a tick: registers and the stack from sp up, at most `bytes`.
[[gnu::noinline]] void Capture(size_t bytes) {
  model::RegisterSet& r = g_residue->registers;
#if defined(__aarch64__)
  uint64_t sp, pc;
  __asm__ volatile(
      "stp x19, x20, [%2, #152]\n stp x21, x22, [%2, #168]\n stp x23, x24, [%2, #184]\n"
      "stp x25, x26, [%2, #200]\n stp x27, x28, [%2, #216]\n stp x29, x30, [%2, #232]\n"
      "mov %0, sp\n adr %1, .\n"
      : "=&r"(sp), "=&r"(pc)
      : "r"(r.regs)
      : "memory");
  r.pc = pc;
  r.regs[model::RegisterSet::kSp] = sp;
  r.valid = 0xFFFFFFFF;
#else
  uint64_t sp, fp, pc, rbx, r12, r13, r14, r15;
  __asm__ volatile(
      "movq %%rsp, %0\n movq %%rbp, %1\n leaq (%%rip), %2\n movq %%rbx, %3\n"
      "movq %%r12, %4\n movq %%r13, %5\n movq %%r14, %6\n movq %%r15, %7\n"
      : "=m"(sp), "=m"(fp), "=&r"(pc), "=m"(rbx), "=m"(r12), "=m"(r13), "=m"(r14), "=m"(r15));
  r.pc = pc;
  r.regs[7] = sp;
  r.regs[6] = fp;
  r.regs[3] = rbx;
  r.regs[12] = r12;
  r.regs[13] = r13;
  r.regs[14] = r14;
  r.regs[15] = r15;
  r.valid = 0xFFFF;
#endif
  g_residue->stack_address = sp;
  g_residue->stack_bytes = bytes;
  const volatile unsigned char* from = reinterpret_cast<unsigned char*>(sp);
  for (size_t i = 0; i < bytes; ++i) g_residue->stack[i] = from[i];
}

[[gnu::noinline]] void Middle(size_t bytes) {
  g_callers[1] = __builtin_return_address(0);
  Capture(bytes);
  __asm__ volatile("" ::: "memory");  // no tail call
}

// The pad keeps what is copied inside the stack, however little main() has above it.
[[gnu::noinline]] void Outer(size_t bytes) {
  char pad[2 * model::kForeignCopyBytes];
  Middle(bytes);
  __asm__ volatile("" : : "r"(pad) : "memory");
}

TEST_CASE("a copied stack is finished with the callers the compiler knows") {
  g_residue = std::make_unique<model::Residue>();
  Outer(model::kForeignCopyBytes);
  ResidueUnwinder unwinder(ProcessSources());
  REQUIRE(unwinder.ready());
  std::vector<uint64_t> frames;
  const uint16_t flags = unwinder.Unwind(*g_residue, 256, &frames);
  REQUIRE(frames.size() >= 3);
  CHECK(frames[0] == g_residue->registers.pc);
  CHECK(frames[2] == reinterpret_cast<uint64_t>(g_callers[1]) - 1);
  CHECK((flags & model::kRawResidue) != 0);
}

TEST_CASE("a copy that ends too early ends the stack there and says so") {
  g_residue = std::make_unique<model::Residue>();
  Outer(256);
  ResidueUnwinder unwinder(ProcessSources());
  std::vector<uint64_t> frames;
  const uint16_t flags = unwinder.Unwind(*g_residue, 256, &frames);
  CHECK((flags & model::kRawComplete) == 0);
  CHECK((flags & model::kRawOutOfBounds) != 0);
}

TEST_CASE("no more frames than asked for") {
  g_residue = std::make_unique<model::Residue>();
  Outer(model::kForeignCopyBytes);
  ResidueUnwinder unwinder(ProcessSources());
  std::vector<uint64_t> frames;
  CHECK((unwinder.Unwind(*g_residue, 2, &frames) & model::kRawTruncated) != 0);
  CHECK(frames.size() == 2);
}
#endif

TEST_CASE("code and stacks of nobody end the unwinding, whatever the registers say") {
  ResidueUnwinder unwinder(ProcessSources());
  auto residue = std::make_unique<model::Residue>();
  for (uint64_t garbage : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{0x7fff0000}}) {
    CAPTURE(garbage);
    std::memset(static_cast<void*>(residue.get()), 0xA5, sizeof *residue);
    residue->registers.pc = garbage;
    residue->registers.regs[model::RegisterSet::kSp] = garbage;
    residue->stack_address = garbage;
    residue->stack_bytes = model::kResidueStackBytes;
    std::vector<uint64_t> frames;
    const uint16_t flags = unwinder.Unwind(*residue, 64, &frames);
    CHECK((flags & model::kRawResidue) != 0);
    CHECK(frames.size() <= 64);
  }
}

TEST_CASE("an unwind index of lies is refused") {
  auto residue = std::make_unique<model::Residue>();
  residue->registers.pc = 0x1000;
  residue->registers.regs[model::RegisterSet::kSp] = 0x2000;
  residue->stack_address = 0x2000;
  residue->stack_bytes = 64;
  ResidueUnwinder unwinder({[](uint64_t) {
                              return UnwindIndex{0, ~uint64_t{0}, 0x5000};
                            },
                            [](uint64_t, void* to, size_t bytes) {
                              std::memset(to, 0xFF, bytes);
                              return bytes;
                            }});
  std::vector<uint64_t> frames;
  CHECK((unwinder.Unwind(*residue, 64, &frames) & model::kRawComplete) == 0);
}

}  // namespace
}  // namespace podo::aggregate
