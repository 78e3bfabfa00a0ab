// SPDX-License-Identifier: Apache-2.0
// podo's walk beside libunwind's, instruction by instruction and sample by sample. libunwind's
// local unwinder is linked into this program only; it is what podo must never use itself.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "oracle_load.h"
#include "oracle_probe.h"

namespace {

using podo::model::kRawComplete;
using probe::Seen;

struct Oracle {
  uint32_t count = 0;
  bool root = false;  // ended by itself, not for want of unwind information
  uint64_t frames[Seen::kMax] = {};
};

// Frames as podo writes them: inside the call for callers.
void AskOracle(void* context, Oracle* oracle) {
  unw_cursor_t cursor;
  oracle->count = 0;
  oracle->root = false;
  if (unw_init_local2(&cursor, static_cast<unw_context_t*>(context), UNW_INIT_SIGNAL_FRAME) != 0) {
    return;
  }
  bool exact = true;
  while (oracle->count < Seen::kMax) {
    unw_word_t pc = 0;
    unw_get_reg(&cursor, UNW_REG_IP, &pc);
    if (pc == 0) {
      oracle->root = true;
      return;
    }
    oracle->frames[oracle->count++] = exact ? pc : pc - 1;
    exact = unw_is_signal_frame(&cursor) > 0;
    const int step = unw_step(&cursor);
    if (step <= 0) {
      oracle->root = step == 0;
      return;
    }
  }
}

struct Tally {
  uint64_t seen = 0, root = 0, same = 0, flagged = 0, differ = 0, residue = 0, oracle_short = 0;
} g_tally;

// What the main part of a residue is compared with later.
struct Open {
  uint32_t ticket;
  Oracle oracle;
} g_open[256];
uint32_t g_open_count = 0;

char g_notes[16384];  // of misses; printed when nothing is stepped
size_t g_notes_size = 0;
int g_notes_count = 0;

void Note(const char* what, uint16_t flags, const uint64_t* mine, uint32_t mine_count,
          const Oracle& oracle) {
  if (++g_notes_count > 12 || g_notes_size + 1500 > sizeof g_notes) return;
  const auto put = [](const char* format, auto... values) {
    g_notes_size += static_cast<size_t>(
        snprintf(g_notes + g_notes_size, sizeof g_notes - g_notes_size, format, values...));
  };
  put("note %s flags=%#x frames=%u oracle=%u%s\n", what, flags, mine_count, oracle.count,
      oracle.root ? "" : " (short)");
  for (uint32_t i = 0; i < 6 && (i < mine_count || i < oracle.count); ++i) {
    put("note    %#llx %#llx\n", i < mine_count ? static_cast<unsigned long long>(mine[i]) : 0,
        i < oracle.count ? static_cast<unsigned long long>(oracle.frames[i]) : 0);
  }
}

// The outermost frames are known from a moment when both agreed on all of them.
uint64_t g_bottom[3];

bool EndsAtBottom(const uint64_t* frames, uint32_t count) {
  return count >= 3 && memcmp(frames + count - 3, g_bottom, sizeof g_bottom) == 0;
}

void Compare(uint16_t flags, const uint64_t* frames, uint32_t count, const Oracle& oracle) {
  const bool complete = (flags & kRawComplete) != 0;
  const uint32_t common = count < oracle.count ? count : oracle.count;
  bool same = memcmp(frames, oracle.frames, common * sizeof *frames) == 0;
  if (complete && same && count != oracle.count) {
    // libunwind gives up, or guesses by frame pointer, where code has no unwind information.
    same = !oracle.root && EndsAtBottom(frames, count);
    if (same) ++g_tally.oracle_short;
  }
  constexpr uint16_t kHarmless = kRawComplete | podo::model::kRawForeignStack |
                                 podo::model::kRawMaybeAsleep | podo::model::kRawResidue;
  const bool flagged = (flags & ~kHarmless) != 0;
  g_tally.root += complete;
  g_tally.flagged += flagged;
  if (same && complete) ++g_tally.same;
  if (!same && !flagged) {
    // The oracle may have lost its way itself: the outermost frames tell who is right.
    if (complete && EndsAtBottom(frames, count) && !EndsAtBottom(oracle.frames, oracle.count)) {
      ++g_tally.oracle_short;
      ++g_tally.same;
    } else {
      ++g_tally.differ;
      Note("differs", flags, frames, count, oracle);
    }
  } else if (!complete) {
    Note("no root", flags, frames, count, oracle);
  }
}

// Async-signal-safe as far as this program goes: libunwind is warm and nothing here runs inside it.
void Look(void* context) {
  static Seen seen;
  static Oracle oracle;
  probe::Take(context, &seen);
  AskOracle(context, &oracle);
  ++g_tally.seen;
  if (!seen.taken) {
    Note("not taken", 0, nullptr, 0, oracle);
  } else if (!seen.residue) {
    Compare(seen.flags, seen.frames, seen.count, oracle);
  } else if (g_open_count < 256) {
    g_open[g_open_count].ticket = seen.ticket;
    g_open[g_open_count++].oracle = oracle;
  }
}

void FinishResidues() {
  std::vector<uint64_t> frames;
  for (uint32_t i = 0; i < g_open_count; ++i) {
    ++g_tally.residue;
    const uint16_t flags = probe::Finish(g_open[i].ticket, &frames);
    Compare(flags, frames.data(), static_cast<uint32_t>(frames.size()), g_open[i].oracle);
  }
  if (probe::TicketsLost()) printf("tickets_lost=1\n");
  g_open_count = 0;
  probe::ResetTickets();
}

void PrintNotes() {
  fwrite(g_notes, 1, g_notes_size, stdout);
  g_notes_size = 0;
}

void PrintTally() {
  PrintNotes();
  printf(
      "seen=%llu\nroot=%llu\nsame=%llu\nflagged=%llu\ndiffer=%llu\nresidue=%llu\noracle_short=%"
      "llu\n",
      static_cast<unsigned long long>(g_tally.seen), static_cast<unsigned long long>(g_tally.root),
      static_cast<unsigned long long>(g_tally.same),
      static_cast<unsigned long long>(g_tally.flagged),
      static_cast<unsigned long long>(g_tally.differ),
      static_cast<unsigned long long>(g_tally.residue),
      static_cast<unsigned long long>(g_tally.oracle_short));
}

// --- single steps ---

constexpr greg_t kTrapFlag = 0x100;
bool g_learn_bottom = false;
bool g_stepping = false;
uint64_t g_steps_left = 0;

// `int3` turns stepping on and off (si_code SI_KERNEL); every other trap is a step.
void OnTrap(int, siginfo_t* cause, void* context) {
  auto* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  if (cause->si_code == SI_KERNEL) {
    g_stepping = !g_stepping;
    if (g_stepping) registers[REG_EFL] |= kTrapFlag;
    if (g_learn_bottom) {
      static Oracle oracle;
      AskOracle(context, &oracle);
      if (oracle.count >= 3) memcpy(g_bottom, oracle.frames + oracle.count - 3, sizeof g_bottom);
    }
    if (!g_stepping || g_learn_bottom) registers[REG_EFL] &= ~kTrapFlag;
    return;
  }
  if (g_steps_left == 0) {
    registers[REG_EFL] &= ~kTrapFlag;
    return;
  }
  --g_steps_left;
  const int kept = errno;
  Look(context);
  errno = kept;
}

[[gnu::noinline]] void Step(void (*body)()) {
  __asm__ volatile("int3" ::: "memory");
  body();
  __asm__ volatile("int3" ::: "memory");
}

void Nothing() {}

void OnSignal(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(signal, &action, nullptr);
}

void StepAll(const Load* loads, uint64_t limit) {
  OnSignal(SIGTRAP, OnTrap);
  g_learn_bottom = true;
  Step(Nothing);
  g_learn_bottom = false;
  for (const Load* load = loads; load->name != nullptr; ++load) {
    g_steps_left = limit;
    const uint64_t before = g_tally.seen;
    Step(load->run);
    FinishResidues();
    printf("stepped %s %llu\n", load->name, static_cast<unsigned long long>(g_tally.seen - before));
    PrintNotes();
  }
  PrintTally();
}

// --- samples of running code ---

void OnSample(int, siginfo_t*, void* context) {
  const int kept = errno;
  Look(context);
  errno = kept;
}

void Census(uint64_t wanted) {
  OnSignal(SIGTRAP, OnTrap);
  g_learn_bottom = true;
  Step(Nothing);
  g_learn_bottom = false;
  for (const Load* load = kCensusLoads; load->name != nullptr; ++load) load->run();  // first calls
  OnSignal(SIGUSR1, OnSample);
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGUSR1;
  event._sigev_un._tid = static_cast<int>(syscall(SYS_gettid));
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) std::exit(3);
  int loads = 0;
  for (const Load* load = kCensusLoads; load->name != nullptr; ++load, ++loads) {
    const Tally before = g_tally;
    const uint64_t end = g_tally.seen + wanted;
    // A prime number of nanoseconds, lest it keep step with the code.
    const itimerspec every = {{0, 150'053}, {0, 150'053}}, off = {};
    while (g_tally.seen < end) {
      timer_settime(timer, 0, &every, nullptr);
      while (g_tally.seen < end && g_open_count < 100) load->run();
      timer_settime(timer, 0, &off, nullptr);
      FinishResidues();
    }
    printf("census %s %llu %llu %llu\n", load->name,
           static_cast<unsigned long long>(g_tally.seen - before.seen),
           static_cast<unsigned long long>(g_tally.same - before.same),
           static_cast<unsigned long long>(g_tally.differ - before.differ));
  }
  printf("loads=%d\n", loads);
  PrintTally();
}

void* StepOnThread(void* limit) {
  StepAll(kStepLoads, *static_cast<uint64_t*>(limit));
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  uint64_t limit = std::strtoull(argv[2], nullptr, 10);
  probe::Open();
  if (strcmp(argv[1], "step") == 0) {
    StepAll(kStepLoads, limit);
  } else if (strcmp(argv[1], "step-bare") == 0) {
    StepAll(kBareLoads, limit);
  } else if (strcmp(argv[1], "step-thread") == 0) {
    pthread_t thread;
    pthread_create(&thread, nullptr, StepOnThread, &limit);
    pthread_join(thread, nullptr);
  } else if (strcmp(argv[1], "census") == 0) {
    Census(limit);
  } else {
    return 2;
  }
  printf("done=1\n");
  return 0;
}
