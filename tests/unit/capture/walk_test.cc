// SPDX-License-Identifier: Apache-2.0
// The walk on hand-made stacks: every kind of rule, every way to end.
#include "capture/walk.h"

#include <doctest/doctest.h>

#include <vector>

namespace podo::capture {
namespace {

using model::RegisterSet;

constexpr uint64_t kCode = 0x400000;    // one module of one page
constexpr uint64_t kStack = 0x7000000;  // run-time address of the fake stack's first word

// A module with one rule every 16 bytes of code: rule i covers [kCode + 16i, +16).
class World {
 public:
  explicit World(std::vector<UnwindRule> rules) : rules_(std::move(rules)) {
    for (uint32_t i = 0; i < rules_.size(); ++i) rows_.push_back({i * 16, i});
    const uint32_t last = static_cast<uint32_t>(rows_.size() - 1);
    for (uint32_t at = 0; at < rules_.size() * 16; at += 1 << kRowPageShift) {
      pages_.push_back(at / 16);
    }
    pages_.push_back(last);
    module_ = {kCode,
               kCode + rules_.size() * 16,
               static_cast<uint32_t>(rows_.size()),
               static_cast<uint32_t>(rules_.size()),
               rows_.data(),
               rules_.data(),
               pages_.data()};
    snapshot = {1, 1, &module_, ++worlds_};
  }

  Snapshot snapshot;

 private:
  std::vector<UnwindRule> rules_;
  std::vector<UnwindRow> rows_;
  std::vector<uint32_t> pages_;
  ModuleRows module_;
  inline static uint32_t worlds_ = 0;
};

uint64_t InRule(uint32_t rule, uint64_t offset = 8) { return kCode + rule * 16 + offset; }
uint64_t At(size_t word) { return kStack + word * 8; }

UnwindRule SpRule(int32_t cfa_offset) {
  UnwindRule r;
  r.kind = CfaKind::kRegOffset;
  r.reg = kDwarfSp;
  r.cfa_offset = cfa_offset;
  r.ra_offset_words = -1;
  for (int16_t& s : r.saved) s = kSavedSame;
  return r;
}

UnwindRule Kind(CfaKind kind) {
  UnwindRule r = SpRule(8);
  r.kind = kind;
  return r;
}

struct Walked {
  uint16_t flags;
  std::vector<uint64_t> frames;
  RegisterSet end = {};
  uint64_t unknown = 0;
};

Walked RunOnce(const World& world, const std::vector<uint64_t>& stack, RegisterSet r,
               uint32_t limit, RuleMemo* memo) {
  Walked w;
  w.frames.resize(limit);
  FrameWriter out{w.frames.data(), ~uint64_t{0}, 0, 0, limit};
  const auto select = [&](uint64_t sp, StackView* view) {
    if (sp < kStack || sp >= At(stack.size())) return false;
    const uint64_t lo = sp - kStack < 128 ? kStack : sp - 128;  // the red zone
    *view = {lo, At(stack.size()), reinterpret_cast<uint64_t>(stack.data()) - kStack};
    return true;
  };
  w.flags = Walk(world.snapshot, select, &r, &out, &w.unknown, memo);
  w.frames.resize(out.count);
  w.end = r;
  return w;
}

void CheckSame(const Walked& a, const Walked& b) {
  CHECK(a.flags == b.flags);
  CHECK(a.frames == b.frames);
  CHECK(a.unknown == b.unknown);
  CHECK(a.end.pc == b.end.pc);
  CHECK(a.end.valid == b.end.valid);
  for (int i = 0; i < RegisterSet::kCount; ++i) {
    if ((a.end.valid >> i & 1) != 0) CHECK(a.end.regs[i] == b.end.regs[i]);
  }
}

// Every stack is walked with an empty memo and then with what that walk left in it: a memo must
// never change an answer.
Walked Run(const World& world, const std::vector<uint64_t>& stack, RegisterSet r,
           uint32_t limit = 32) {
  RuleMemo memo = {};
  const Walked w = RunOnce(world, stack, r, limit, &memo);
  CheckSame(w, RunOnce(world, stack, r, limit, &memo));
  return w;
}

RegisterSet Start(uint64_t pc, uint64_t sp = kStack) {
  RegisterSet r = {};
  r.pc = pc;
  r.regs[kDwarfSp] = sp;
  r.valid = kAllRegsValid;
  return r;
}

TEST_CASE("a chain of sp rules ends at the root, callers looked up inside the call") {
  const World world({SpRule(16), SpRule(24), Kind(CfaKind::kRoot)});
  // frame 0: CFA = sp+16; frame 1: CFA = that + 24.
  const std::vector<uint64_t> stack = {0, InRule(1, 0) + 1, 0, 0, InRule(2), 0};
  const Walked w = Run(world, stack, Start(InRule(0)));
  CHECK(w.flags == model::kRawComplete);
  CHECK(w.frames == std::vector<uint64_t>{InRule(0), InRule(1, 0), InRule(2) - 1});
}

TEST_CASE("a return address at the first byte of a function belongs to the call before it") {
  // A call that never returns is the last instruction of its function: pc - 1 must be looked up.
  const World world({SpRule(8), Kind(CfaKind::kRoot), Kind(CfaKind::kUnsupported)});
  const std::vector<uint64_t> stack = {InRule(2, 0), 0};
  CHECK(Run(world, stack, Start(InRule(0))).flags == model::kRawComplete);
}

TEST_CASE("saved registers are restored and serve as the base of a later CFA") {
  UnwindRule callee = SpRule(24);
  callee.saved[0] = -3;  // rbx at CFA-24
  UnwindRule caller = SpRule(0);
  caller.reg = 3;  // CFA = rbx + 8, as in _dl_runtime_resolve
  caller.cfa_offset = 8;
  const World world({callee, caller, Kind(CfaKind::kRoot)});
  std::vector<uint64_t> stack = {At(5), 0, InRule(1), 0, 0, InRule(2), 0};
  const Walked w = Run(world, stack, Start(InRule(0)));
  CHECK(w.flags == model::kRawComplete);
  CHECK(w.frames.size() == 3);
}

TEST_CASE("after leave, the caller's registers are found below sp, in the red zone") {
  UnwindRule after_leave = SpRule(8);
  after_leave.saved[kFrameSlot] = -2;  // rbp at CFA-16: one word below sp
  UnwindRule by_rbp = SpRule(16);
  by_rbp.reg = kDwarfFp;
  const World world({after_leave, by_rbp, Kind(CfaKind::kRoot)});
  const std::vector<uint64_t> stack = {At(3), InRule(1), 0, 0, InRule(2), 0};
  const Walked w = Run(world, stack, Start(InRule(0), At(1)));
  CHECK(w.flags == model::kRawComplete);
  CHECK(w.frames.size() == 3);
}

TEST_CASE("a volatile register serves as the base of a CFA in the innermost frame only") {
  UnwindRule by_r10 = SpRule(8);
  by_r10.reg = 10;
  const World world({by_r10, Kind(CfaKind::kRoot)});
  RegisterSet inner = Start(InRule(0));
  inner.regs[10] = At(1);
  CHECK(Run(world, {0, InRule(1), 0}, inner).flags == model::kRawComplete);
  // The same rule one frame up: r10 is not known any more.
  const World outer({SpRule(8), by_r10});
  CHECK(Run(outer, {InRule(1), 0}, Start(InRule(0))).flags == model::kRawUnsupportedRow);
}

TEST_CASE("a CFA read from the stack, with registers saved relative to the base") {
  UnwindRule realigned;  // CFA = *(rbp - 8) + 0; rbp saved at rbp + 0
  realigned.kind = CfaKind::kDeref;
  realigned.reg = kDwarfFp;
  realigned.deref_offset = -8;
  realigned.ra_offset_words = -1;
  for (int16_t& s : realigned.saved) s = kSavedSame;
  realigned.saved[kFrameSlot] = 0;
  realigned.saved_from_reg = 1 << kFrameSlot;
  const World world({realigned, Kind(CfaKind::kRoot)});
  RegisterSet r = Start(InRule(0));
  r.regs[kDwarfFp] = At(2);
  const std::vector<uint64_t> stack = {0, At(5), 0xABC, 0, InRule(1), 0};
  const Walked w = Run(world, stack, r);
  CHECK(w.flags == model::kRawComplete);
  CHECK(w.end.regs[kDwarfFp] == 0xABC);
}

TEST_CASE("the PLT rule counts the pushed index from its threshold on") {
  UnwindRule plt = SpRule(8);
  plt.kind = CfaKind::kPlt;
  plt.deref_offset = 11;
  const World world({plt, Kind(CfaKind::kRoot)});
  CHECK(Run(world, {InRule(1), 0}, Start(InRule(0, 6))).flags == model::kRawComplete);
  CHECK(Run(world, {5 /* index */, InRule(1), 0}, Start(InRule(0, 11))).flags ==
        model::kRawComplete);
}

TEST_CASE("a signal frame gives all registers back and its pc is looked up as it is") {
  UnwindRule by_rax = SpRule(8);
  by_rax.reg = 0;
  const World world({Kind(CfaKind::kSignalFrame), by_rax, Kind(CfaKind::kRoot)});
  std::vector<uint64_t> stack(40, 0);
  stack[21] = InRule(1, 0);  // rip: the first byte of a row
  stack[20] = At(30);        // rsp
  stack[18] = At(32);        // rax
  stack[32] = InRule(2);
  const Walked w = Run(world, stack, Start(InRule(0)));
  CHECK(w.flags == model::kRawComplete);
  CHECK(w.frames == std::vector<uint64_t>{InRule(0), InRule(1, 0), InRule(2) - 1});
}

TEST_CASE("after a signal frame the interrupted stack is asked for anew") {
  const World world({Kind(CfaKind::kSignalFrame), SpRule(8)});
  std::vector<uint64_t> stack(40, 0);
  stack[21] = InRule(1);
  stack[20] = 0x1234560;  // a stack that cannot be read
  const Walked w = Run(world, stack, Start(InRule(0)));
  CHECK(w.flags == model::kRawOutOfBounds);
  CHECK(w.frames.size() == 2);
}

TEST_CASE("what cannot be a caller ends the walk and is flagged") {
  struct Case {
    const char* what;
    UnwindRule rule;
    std::vector<uint64_t> stack;
    uint64_t sp;
    uint16_t flags;
  };
  UnwindRule loop = SpRule(0);
  UnwindRule down = SpRule(-8);
  UnwindRule odd = SpRule(12);
  UnwindRule far = SpRule(1 << 20);
  const Case cases[] = {
      {"CFA equal to sp: would loop", loop, {InRule(0), 0}, kStack, model::kRawOutOfBounds},
      {"CFA below sp", down, {InRule(0), 0}, At(1), model::kRawOutOfBounds},
      {"misaligned CFA", odd, {InRule(0), 0, 0}, kStack, model::kRawOutOfBounds},
      {"CFA above the stack", far, {InRule(0), 0}, kStack, model::kRawOutOfBounds},
      {"sp outside every stack", SpRule(8), {0, 0}, 0x10, model::kRawOutOfBounds},
      {"return address zero", SpRule(8), {0, 0}, kStack, model::kRawComplete},
      {"row that cannot be expressed",
       Kind(CfaKind::kUnsupported),
       {0},
       kStack,
       model::kRawUnsupportedRow},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const World world({c.rule});
    CHECK(Run(world, c.stack, Start(InRule(0), c.sp)).flags == c.flags);
  }
}

TEST_CASE("a stack deeper than the limit is cut and says so") {
  const World world({SpRule(8)});
  const std::vector<uint64_t> stack(100, InRule(0));
  const Walked w = Run(world, stack, Start(InRule(0)), 10);
  CHECK(w.flags == model::kRawTruncated);
  CHECK(w.frames.size() == 10);
}

TEST_CASE("code without rows is stepped over by frame pointer if the record is plausible") {
  const uint64_t jit = 0x90000000;
  const World world({Kind(CfaKind::kRoot)});
  struct Case {
    const char* what;
    uint64_t fp, return_address;
    uint16_t flags;
  };
  const Case cases[] = {
      {"a frame record into known code", At(2), InRule(0),
       model::kRawFramePointer | model::kRawComplete},
      {"frame pointer below sp", At(0) - 8, InRule(0), model::kRawUnknownCode},
      {"frame pointer outside the stack", 0x10, InRule(0), model::kRawUnknownCode},
      {"misaligned frame pointer", At(2) + 4, InRule(0), model::kRawUnknownCode},
      {"return address in no code", At(2), 0x1234567890, model::kRawUnknownCode},
      {"small integer as return address", At(2), 17, model::kRawUnknownCode},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    RegisterSet r = Start(jit);
    r.regs[kDwarfFp] = c.fp;
    const Walked w = Run(world, {0, 0, At(4), c.return_address, 0}, r);
    CHECK(w.flags == c.flags);
    CHECK(w.unknown == jit);
  }
}

TEST_CASE("a memo filled under one snapshot says nothing under another") {
  UnwindRule saves = SpRule(24);
  saves.saved[0] = -2;
  const World before({saves, Kind(CfaKind::kRoot), Kind(CfaKind::kRoot)});
  const World after({SpRule(8), SpRule(8), Kind(CfaKind::kRoot)});
  const std::vector<uint64_t> stack = {InRule(1), InRule(2), InRule(1), 0};
  RuleMemo memo = {};
  RunOnce(before, stack, Start(InRule(0)), 32, &memo);
  const Walked w = RunOnce(after, stack, Start(InRule(0)), 32, &memo);
  CHECK(w.frames == std::vector<uint64_t>{InRule(0), InRule(1) - 1, InRule(2) - 1});
  CheckSame(w, Run(after, stack, Start(InRule(0))));
}

TEST_CASE("a memo that overflows goes on answering like the tables") {
  // 1000 pcs in one walk, every second rule one that a memo cannot hold in short.
  UnwindRule odd = SpRule(8);
  odd.ra_offset_words = -1;
  odd.saved[2] = -100;
  std::vector<UnwindRule> rules;
  for (int i = 0; i < 1000; ++i) rules.push_back(i % 2 == 0 ? SpRule(8) : odd);
  rules.push_back(Kind(CfaKind::kRoot));
  const World world(rules);
  std::vector<uint64_t> stack(20, 0);  // what `odd` reads lies below
  std::vector<uint64_t> expected = {InRule(0)};
  for (uint32_t i = 1; i <= 1000; ++i) {
    stack.push_back(InRule(i));
    expected.push_back(InRule(i) - 1);
  }
  stack.push_back(0);
  const Walked w = Run(world, stack, Start(InRule(0), At(20)), 2000);
  CHECK(w.flags == model::kRawComplete);
  CHECK(w.frames == expected);
}

TEST_CASE("by a memo, too, a frame that leaves the readable stack ends the walk") {
  // The memo is filled on a good stack; then the same code stands on others.
  UnwindRule rule = SpRule(24);
  rule.saved[kFrameSlot] = -2;
  const World world({rule, Kind(CfaKind::kRoot)});
  RuleMemo memo = {};
  RegisterSet good = Start(InRule(0));
  CHECK(RunOnce(world, {0, 7, InRule(1), 0}, good, 32, &memo).flags == model::kRawComplete);
  struct Case {
    const char* what;
    uint64_t sp, fp_valid;
    size_t words;
  };
  const Case cases[] = {{"CFA above the stack", At(0), 1, 2},
                        {"CFA at its end", At(0), 1, 3},
                        {"misaligned sp", At(0) + 4, 1, 8},
                        {"rbp not known before", At(0), 0, 4}};
  for (const Case& c : cases) {
    CAPTURE(c.what);
    std::vector<uint64_t> stack(c.words, InRule(1));
    RegisterSet r = Start(InRule(0), c.sp);
    if (c.fp_valid == 0) r.valid &= ~(1u << kDwarfFp);
    CheckSame(Run(world, stack, r), RunOnce(world, stack, r, 32, &memo));
  }
}

TEST_CASE("by a memo, too, a register saved below the readable stack is unknown afterwards") {
  UnwindRule deep = SpRule(8);
  deep.saved[kFrameSlot] = -30;
  const World world({deep, Kind(CfaKind::kRoot)});
  std::vector<uint64_t> stack(43, 7);
  stack[40] = InRule(1);
  const Walked w = Run(world, stack, Start(InRule(0), At(40)));  // both ways, see Run
  CHECK(w.flags == model::kRawComplete);
  CHECK((w.end.valid >> kDwarfFp & 1) == 0);
}

TEST_CASE("by a memo, too, a CFA does not start from a register whose value is not known") {
  UnwindRule by_r10 = SpRule(8);
  by_r10.reg = 10;
  const World world({SpRule(8), by_r10, Kind(CfaKind::kRoot)});
  RegisterSet r = Start(InRule(0));
  r.regs[10] = At(2);  // would do, but a call may have changed it
  CHECK(Run(world, {InRule(1), 0, InRule(2), 0}, r).flags == model::kRawUnsupportedRow);
}

TEST_CASE("before the first tables nothing is guessed by frame pointer") {
  World world({Kind(CfaKind::kRoot)});
  world.snapshot = {0, 0, nullptr, 0};
  RegisterSet r = Start(InRule(0));
  r.regs[kDwarfFp] = At(2);
  CHECK(Run(world, {0, 0, At(4), InRule(0), 0}, r).flags == model::kRawUnknownCode);
}

}  // namespace
}  // namespace podo::capture
