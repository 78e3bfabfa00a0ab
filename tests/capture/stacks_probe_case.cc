// SPDX-License-Identifier: Apache-2.0
// Single walks over stacks of every kind: signal frames, corrupted frames, generated code, deep
// recursion. Each prints one line of what the handler recorded; test_stacks.py judges.
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <tuple>
#include <vector>

#include "capture/handler.h"
#include "oracle_probe.h"

namespace {

using probe::Seen;

Seen g_seen;
int g_signals = 0;

bool Holds(const Seen& seen, const void* function, uint64_t bytes) {
  const uint64_t start = reinterpret_cast<uint64_t>(function);
  for (uint32_t i = 0; i < seen.count; ++i) {
    if (seen.frames[i] - start < bytes) return true;
  }
  return false;
}

void RunScenario(void (*run)());

// "seen NAME flags frames root taken": root is 1 if a frame lies in the function at the bottom.
// A residue is finished by libunwind first.
void Report(const char* name) {
  Seen& seen = g_seen;
  if (seen.residue) {
    std::vector<uint64_t> frames;
    seen.flags |= probe::Finish(seen.ticket, &frames);
    seen.count = static_cast<uint32_t>(frames.size());
    std::copy(frames.begin(), frames.end(), seen.frames);
    probe::ResetTickets();
  }
  std::printf("seen %s %u %u %d %d\n", name, seen.flags, seen.count,
              Holds(seen, reinterpret_cast<void*>(RunScenario), 40) ? 1 : 0, seen.taken ? 1 : 0);
  std::fflush(stdout);
}

void OnSample(int, siginfo_t*, void* context) {
  ++g_signals;
  probe::Take(context, &g_seen);
}

void Handle(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(signal, &action, nullptr);
}

void UseAlternateStack() {
  static char stack[64 << 10];
  const stack_t use = {stack, 0, sizeof stack};
  sigaltstack(&use, nullptr);
}

// --- T13: signal frames ---

void RaiseSample(int, siginfo_t*, void*) { raise(SIGPROF); }
void RaiseUsr2(int, siginfo_t*, void*) { raise(SIGUSR2); }

sigjmp_buf g_jump;
void SampleAndJump(int, siginfo_t*, void*) {
  raise(SIGPROF);
  siglongjmp(g_jump, 1);
}

[[gnu::noinline]] int Overflow(int depth) {
  volatile char room[600];
  room[depth % 600] = static_cast<char>(depth);
  if (depth < 0) return 0;
  return Overflow(depth + 1) + room[depth % 600];
}

// A frame of many pages, the deepest of which is touched first: sp itself is in the guard.
[[gnu::noinline]] void* OverflowByOneFrame(void*) {
  if (sigsetjmp(g_jump, 1) == 0) {
    volatile char room[512 << 10];
    room[0] = 1;
    return reinterpret_cast<void*>(static_cast<intptr_t>(room[0]));
  }
  return nullptr;
}

void* OverflowSlowly(void*) {
  if (sigsetjmp(g_jump, 1) == 0) Overflow(0);
  return nullptr;
}

void OnThread(void* (*body)(void*)) {
  struct Both {
    void* (*body)(void*);
  } both = {body};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 << 10);
  pthread_t thread;
  pthread_create(
      &thread, &attributes,
      [](void* argument) -> void* {
        static char stack[64 << 10];
        const stack_t use = {stack, 0, sizeof stack};
        sigaltstack(&use, nullptr);
        return static_cast<Both*>(argument)->body(nullptr);
      },
      &both);
  pthread_join(thread, nullptr);
}

[[gnu::noinline]] void SignalFrames() {
  Handle(SIGPROF, OnSample, SA_ONSTACK);
  UseAlternateStack();
  raise(SIGPROF);
  Report("sample-on-alternate-stack");
  Handle(SIGUSR1, RaiseSample, SA_ONSTACK);
  raise(SIGUSR1);
  Report("handler-on-alternate-stack");
  Handle(SIGUSR1, RaiseSample, 0);
  raise(SIGUSR1);
  Report("handler-on-own-stack");
  Handle(SIGUSR1, RaiseUsr2, 0);
  Handle(SIGUSR2, RaiseSample, SA_ONSTACK);
  raise(SIGUSR1);
  Report("nested-handlers");
  Handle(SIGSEGV, SampleAndJump, SA_ONSTACK);
  static volatile char* volatile nowhere = nullptr;
  if (sigsetjmp(g_jump, 1) == 0) nowhere[16] = 1;
  Report("fault-then-jump");
  raise(SIGPROF);
  Report("after-jump");
  // The main stack has no guard but the end of its mapping; two jumps leave the handler usable.
  const rlimit limit = {1 << 20, RLIM_INFINITY};
  setrlimit(RLIMIT_STACK, &limit);
  OnThread(OverflowSlowly);
  Report("thread-overflow");
  OnThread(OverflowByOneFrame);
  Report("thread-overflow-one-frame");
  if (sigsetjmp(g_jump, 1) == 0) Overflow(0);
  Report("main-overflow");
}

// --- T15: corruption ---

// Registers and stack words are replaced in the context the handler gets; the thread itself goes on
// unharmed. `g_spoil` says how.
void (*g_spoil)(greg_t* registers);

void OnSpoiled(int, siginfo_t*, void* context) {
  ucontext_t spoiled = *static_cast<ucontext_t*>(context);
  g_spoil(spoiled.uc_mcontext.gregs);
  probe::Take(&spoiled, &g_seen);
}

void Spoil(const char* name, void (*spoil)(greg_t*)) {
  g_spoil = spoil;
  raise(SIGPROF);
  Report(name);
}

// A frame-pointer frame whose record can be overwritten while a sample is taken below it.
[[gnu::noinline]] void SampleWith(uint64_t fp, uint64_t ra) {
  volatile auto* record = static_cast<uint64_t*>(__builtin_frame_address(0));
  const uint64_t kept[2] = {record[0], record[1]};
  record[0] = fp == 1 ? reinterpret_cast<uint64_t>(record) : fp;
  record[1] = ra;
  raise(SIGPROF);
  record[0] = kept[0];
  record[1] = kept[1];
}

uint64_t Near(const void* address, int64_t offset) {
  return reinterpret_cast<uint64_t>(address) + static_cast<uint64_t>(offset);
}

void Corruption() {
  char* hole = static_cast<char*>(
      mmap(nullptr, 3 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(hole + (1 << 12), 1 << 12);
  static char* s_hole;
  s_hole = hole;
  Handle(SIGPROF, OnSpoiled, 0);
  Spoil("untouched", [](greg_t*) {});
  Spoil("rsp-zero", [](greg_t* r) { r[REG_RSP] = 0; });
  Spoil("rsp-tiny", [](greg_t* r) { r[REG_RSP] = 0x10; });
  Spoil("rsp-huge", [](greg_t* r) { r[REG_RSP] = -8; });
  Spoil("rsp-noncanonical", [](greg_t* r) { r[REG_RSP] = 0x5555'5555'5555'5555; });
  Spoil("rsp-misaligned", [](greg_t* r) { r[REG_RSP] += 3; });
  Spoil("rsp-near-top", [](greg_t* r) { r[REG_RSP] = (r[REG_RSP] | 0xFFFFF) & ~7; });
  Spoil("rsp-before-hole",
        [](greg_t* r) { r[REG_RSP] = static_cast<greg_t>(Near(s_hole, 4096 - 24)); });
  Spoil("rsp-in-hole",
        [](greg_t* r) { r[REG_RSP] = static_cast<greg_t>(Near(s_hole, 4096 + 64)); });
  Spoil("rsp-after-hole", [](greg_t* r) { r[REG_RSP] = static_cast<greg_t>(Near(s_hole, 8192)); });
  Spoil("pc-zero", [](greg_t* r) { r[REG_RIP] = 0; });
  Spoil("pc-garbage", [](greg_t* r) { r[REG_RIP] = 0x1234'5678'9abc; });
  Spoil("pc-on-stack", [](greg_t* r) { r[REG_RIP] = r[REG_RSP]; });
  Spoil("pc-and-rbp", [](greg_t* r) {
    r[REG_RIP] = 0x4000;
    r[REG_RBP] = 0x10;
  });
  Spoil("rbp-self", [](greg_t* r) {
    r[REG_RIP] = r[REG_RSP];
    r[REG_RBP] = r[REG_RSP];
  });
  Spoil("all-garbage", [](greg_t* r) {
    for (int i = 0; i < 16; ++i) r[i] = 0x7fff'ffff'ff0f * (i + 1);
  });
  Handle(SIGPROF, OnSpoiled, 0);
  g_spoil = [](greg_t*) {};
  for (const auto& [name, fp, ra] :
       {std::tuple<const char*, uint64_t, uint64_t>{"return-zero", 0, 0},
        {"return-garbage", 0x10, 0xdeadbeefdeadbeef},
        {"return-stack", 1, 8},
        {"return-self", 1, Near(reinterpret_cast<void*>(SampleWith), 40)},
        {"return-unaligned-fp", 0x7ffff0000001, Near(reinterpret_cast<void*>(Corruption), 40)},
        {"return-text-of-libc", 0x10, Near(reinterpret_cast<void*>(raise), 30)}}) {
    SampleWith(fp, ra);
    Report(name);
  }
  // Random words over a copy of a real stack, and random registers.
  static char stack[64 << 10];
  static uint64_t random = 88172645463325252ull;
  static uint32_t rounds;
  for (rounds = 0; rounds < 20000; ++rounds) {
    g_spoil = [](greg_t* r) {
      const auto next = [] {
        random ^= random << 13, random ^= random >> 7;
        return random ^= random << 17;
      };
      const uint64_t kept = std::min<uint64_t>(sizeof stack, 2048);
      memcpy(stack + sizeof stack / 2, reinterpret_cast<void*>(r[REG_RSP]), kept);
      const greg_t shift =
          reinterpret_cast<greg_t>(stack) + static_cast<greg_t>(sizeof stack / 2) - r[REG_RSP];
      if (rounds % 2 == 0) r[REG_RSP] += shift;
      for (int i = 0; i < 8; ++i) {
        auto* word = reinterpret_cast<uint64_t*>(stack + sizeof stack / 2) + next() % 256;
        switch (next() % 4) {
          case 0:
            *word = next();
            break;
          case 1:
            *word = reinterpret_cast<uint64_t>(word) - 8 * (next() % 8);
            break;
          case 2:
            *word = reinterpret_cast<uint64_t>(raise) + next() % 4096;
            break;
          default:
            *word = reinterpret_cast<uint64_t>(Corruption) + next() % 4096;
            break;
        }
      }
      if (next() % 3 == 0) r[REG_RBP] = static_cast<greg_t>(next() >> (next() % 64));
      if (next() % 3 == 0)
        r[REG_RIP] = static_cast<greg_t>(reinterpret_cast<uint64_t>(raise) + next() % 65536);
      if (next() % 5 == 0) r[REG_RSP] += static_cast<greg_t>(next() % 64) - 32;
    };
    raise(SIGPROF);
    // What wants libunwind gets it too: it must survive the same garbage.
    if (g_seen.residue) {
      static std::vector<uint64_t> frames;
      probe::Finish(g_seen.ticket, &frames);
      probe::ResetTickets();
    }
  }
  std::printf("rounds=%u\n", rounds);
}

// --- T15: generated code ---

// Calls `raise_sample` from code that no table knows: with a frame (push rbp; mov rbp,rsp; call
// rdi; pop rbp; ret) or without (sub rsp,8; call rdi; add rsp,8; ret).
void GeneratedCode() {
  Handle(SIGPROF, OnSample, 0);
  auto* code = static_cast<unsigned char*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const unsigned char with[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
  const unsigned char without[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
                                   0x48, 0x83, 0xc4, 0x08, 0xc3};
  memcpy(code, with, sizeof with);
  memcpy(code + 64, without, sizeof without);
  const auto sample = [] { raise(SIGPROF); };
  void (*const callback)() = sample;
  reinterpret_cast<void (*)(void (*)())>(code)(callback);
  Report("generated-with-frame-pointer");
  reinterpret_cast<void (*)(void (*)())>(code + 64)(callback);
  Report("generated-without-frame-pointer");
}

// --- T16: depth ---

uint64_t g_cycles[4096];
int g_cycle_count = 0;

void OnTimed(int, siginfo_t*, void* context) {
  const uint64_t begin = __rdtsc();
  probe::Take(context, &g_seen);
  g_cycles[g_cycle_count++ % 4096] = __rdtsc() - begin;
}

[[gnu::noinline]] int Odd(int depth);
[[gnu::noinline]] int Even(int depth) {
  if (depth == 0) {
    for (int i = 0; i < 2000; ++i) raise(SIGPROF);
    return 1;
  }
  return Odd(depth - 1) + 2;
}
[[gnu::noinline]] int Odd(int depth) {
  volatile int frame[3] = {depth, depth, depth};
  return Even(depth - 1) * 3 + frame[depth % 3];
}

void Depth() {
  Handle(SIGPROF, OnTimed, 0);
  const int depth = 10000;
  if (Even(depth) == 0) std::exit(4);
  Report("deep");
  timespec began, ended;
  clock_gettime(CLOCK_MONOTONIC, &began);
  const uint64_t first = __rdtsc();
  do {
    clock_gettime(CLOCK_MONOTONIC, &ended);
  } while ((ended.tv_sec - began.tv_sec) * 1'000'000'000 + ended.tv_nsec - began.tv_nsec <
           20'000'000);
  const double cycles_per_us = static_cast<double>(__rdtsc() - first) / 20'000;
  std::sort(g_cycles, g_cycles + 2000);
  std::printf("p50_ns=%.0f\np99_ns=%.0f\n",
              1000 * static_cast<double>(g_cycles[1000]) / cycles_per_us,
              1000 * static_cast<double>(g_cycles[1980]) / cycles_per_us);
}

// --- T14: how much free stack a sample needs ---

// tgkill(getpid(), gettid(), SIGPROF) with the stack pointer at `sp`; nothing but the signal uses
// what is below.
long SendTickOn(char* sp) {
  long result;
  register long rbx __asm__("rbx") = 0;
  __asm__ volatile("mov %%rsp, %%r12\n\tmov %[sp], %%rsp\n\tsyscall\n\tmov %%r12, %%rsp"
                   : "=a"(result), "+r"(rbx)
                   : "a"(234L), "D"(static_cast<long>(getpid())), "S"(static_cast<long>(gettid())),
                     "d"(static_cast<long>(SIGPROF)), [sp] "r"(sp)
                   : "rcx", "r11", "r12", "memory");
  return result;
}

// In a child: a signal with `free` bytes left above an unmapped page. Exit 0 if it survived.
bool Survives(uint64_t free, bool empty) {
  const pid_t child = fork();
  if (child == 0) {
    // The fork wiped the state: open a probe of its own.
    if (!empty) probe::Open();
    if (empty) {
      Handle(
          SIGPROF, [](int, siginfo_t*, void*) {}, 0);
    } else {
      Handle(
          SIGPROF,
          [](int signal, siginfo_t* cause, void* context) {
            cause->si_code = SI_KERNEL;
            podo::capture::podo_sigprof_entry(signal, cause, context);
          },
          0);
    }
    constexpr uint64_t kBytes = 64 << 10;
    char* stack = static_cast<char*>(
        mmap(nullptr, kBytes + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(stack, 4096, PROT_NONE);
    char* sp = stack + 4096 + free;
    const long result = SendTickOn(sp);
    _exit(result == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

uint64_t LeastFree(bool empty) {
  uint64_t low = 1024, high = 32 << 10;
  if (!Survives(high, empty)) return 0;
  while (high - low > 64) {
    const uint64_t middle = (low + high) / 2 & ~uint64_t{63};
    if (middle == low) break;
    (Survives(middle, empty) ? high : low) = middle;
  }
  return high;
}

void Margin() {
  std::printf("minsigstksz=%lu\n", getauxval(AT_MINSIGSTKSZ));
  std::printf("empty_bytes=%llu\n", static_cast<unsigned long long>(LeastFree(true)));
  std::printf("sample_bytes=%llu\n", static_cast<unsigned long long>(LeastFree(false)));
}

// --- T14: alternate stacks with ever less room, until the kernel's own frame does not fit ---

constexpr size_t kBelow = 4096, kAlternate = 16 << 10;

struct Room {
  uint64_t rounds, spoiled, ticks, taken, small_stack, taken_after_skip, least_taken, least;
  alignas(64) unsigned char memory[kBelow + kAlternate];
};

// What lies below such a stack is somebody's: it must stay as it was. Ends by the kernel's SIGSEGV.
[[noreturn]] void NarrowRoom(Room* room) {
  probe::Open();
  podo::capture::State* state = podo::capture::g_state.load();
  state->sample_foreign = 1;
  struct sigaction action = {};
  action.sa_sigaction = podo::capture::podo_sigprof_entry;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigaction(SIGPROF, &action, nullptr);
  unsigned char* const stack = room->memory + kBelow;
  const stack_t use = {stack, 0, kAlternate};
  if (sigaltstack(&use, nullptr) != 0) _exit(4);
  for (uint64_t free = kAlternate - 64;; free -= 16) {
    std::fill(room->memory, stack, 0x5a);
    const uint64_t before = state->counters.taken.load();
    SendTickOn(reinterpret_cast<char*>(stack + free));
    const bool taken = state->counters.taken.load() != before;
    if (taken) room->least_taken = free;
    if (taken && state->counters.small_stack.load() != 0) ++room->taken_after_skip;
    if (std::count(room->memory, stack, 0x5a) != static_cast<ptrdiff_t>(kBelow)) ++room->spoiled;
    room->least = free;
    room->ticks = state->counters.ticks.load();
    room->taken = state->counters.taken.load();
    room->small_stack = state->counters.small_stack.load();
    ++room->rounds;
  }
}

void AlternateRoom() {
  auto* room = static_cast<Room*>(
      mmap(nullptr, sizeof(Room), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t child = fork();
  if (child == 0) NarrowRoom(room);
  int status = 0;
  waitpid(child, &status, 0);
  const auto say = [](const char* name, uint64_t value) {
    std::printf("%s=%llu\n", name, static_cast<unsigned long long>(value));
  };
  say("ended_by_kernel", WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  say("rounds", room->rounds);
  say("spoiled", room->spoiled);
  say("ticks", room->ticks);
  say("taken", room->taken);
  say("small_stack", room->small_stack);
  say("taken_after_skip", room->taken_after_skip);
  say("span_of_skipped", room->least_taken - room->least);
}

[[gnu::noinline]] void RunScenario(void (*run)()) {
  run();
  std::printf("done=1\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const struct {
    const char* name;
    void (*run)();
  } scenarios[] = {{"signals", SignalFrames},    {"corruption", Corruption},
                   {"generated", GeneratedCode}, {"depth", Depth},
                   {"room", AlternateRoom},      {"margin", Margin}};
  for (const auto& scenario : scenarios) {
    if (strcmp(argv[1], scenario.name) != 0) continue;
    // These two do so in children: a fork wipes what was opened.
    if (scenario.run != Margin && scenario.run != AlternateRoom) probe::Open();
    RunScenario(scenario.run);
    return 0;
  }
  return 2;
}
