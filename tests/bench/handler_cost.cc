// SPDX-License-Identifier: Apache-2.0
// Cost of one SIGPROF at depth 30: an empty handler, a profiler's, a frame-pointer walk.
//
//   podo_bench_handler podo|gperftools ROUNDS
//
// Each round runs every variant once in a random order. Prints `tsc_ghz X`, then a line
// `warm|cold VARIANT NS` per round and variant (the median of a block of ticks), then a `check`
// line that says whether podo really took the ticks.
#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "capture/handler.h"
#include "podo/podo_c.h"
#include "rounds.h"

namespace podo::bench {
namespace {

using Action = struct sigaction;
using Handler = void (*)(int, siginfo_t*, void*);

constexpr int kWarmTicks = 50;               // a block fits a ring: 50 x 34 of 8192 words
constexpr int kColdTicks = 5;                // 3 ms of writing before each
constexpr uint64_t kEvictBytes = 32u << 20;  // eight times the L2 of the usual server core

uint64_t g_body_cycles;
Handler g_profiler;
uint64_t g_frames[kDepth + 8];

uint64_t Cycles() {
  uint32_t low, high;
  __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
  return uint64_t{high} << 32 | low;
}

void Empty(int, siginfo_t*, void*) {}

void TimedProfiler(int signal, siginfo_t* cause, void* context) {
  const uint64_t begin = Cycles();
  g_profiler(signal, cause, context);
  g_body_cycles = Cycles() - begin;
}

// What a frame-pointer profiler does at the least: checked records, addresses stored.
void FramePointers(int, siginfo_t*, void* context) {
  constexpr uint64_t kReach = 1 << 20;
  const greg_t* regs = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const uint64_t low = static_cast<uint64_t>(regs[REG_RSP]);
  uint64_t fp = static_cast<uint64_t>(regs[REG_RBP]);
  g_frames[0] = static_cast<uint64_t>(regs[REG_RIP]);
  for (int i = 1; i < kDepth; ++i) {
    if (fp < low || fp >= low + kReach || fp % 8 != 0) std::abort();  // not the stack we built
    const auto* record = reinterpret_cast<const uint64_t*>(fp);
    g_frames[i] = record[1];
    fp = record[0];
  }
}

struct Variant {
  const char* name;
  Handler handler;
  void (*run)(Block*);
  bool body;
  bool fills_ring;
};

void Install(Handler handler, bool ignore = false) {
  Action action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  if (ignore) {
    action.sa_flags = 0;
    action.sa_handler = SIG_IGN;
  }
  if (sigaction(SIGPROF, &action, nullptr) != 0) std::abort();
}

double TscGhz() {
  timespec begin, now;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  const uint64_t cycles = Cycles();
  int64_t ns;
  do {
    clock_gettime(CLOCK_MONOTONIC, &now);
    ns = (now.tv_sec - begin.tv_sec) * 1'000'000'000 + now.tv_nsec - begin.tv_nsec;
  } while (ns < 50'000'000);
  return static_cast<double>(Cycles() - cycles) / static_cast<double>(ns);
}

bool StartPodo() {
  podo_options options = {};
  options.size = sizeof options;
  options.symbolize = "none";
  const podo_status status = podo_start(&options);
  if (status.code != PODO_OK) {
    std::fprintf(stderr, "podo_start: %s\n", status.message);
    return false;
  }
  capture::State* state = capture::g_state.load();
  for (int i = 0; i < 500; ++i) {
    if (state->snapshot.load()->generation != 0 && state->layout.load() != 0) break;
    usleep(10'000);
  }
  if (state->snapshot.load()->generation == 0) {
    std::fprintf(stderr, "podo's tables were not ready after 5 s\n");
    return false;
  }
  usleep(200'000);      // refreshes that follow the first
  podo_prepare_exec();  // timer off; podo does not look after its handler meanwhile
  state->sample_foreign = 1;
  state->armed.store(1);
  g_profiler = capture::podo_sigprof_entry;
  return true;
}

bool StartGperftools() {
  void* library = dlopen("libprofiler.so.0", RTLD_NOW);
  auto* start = library == nullptr
                    ? nullptr
                    : reinterpret_cast<int (*)(const char*)>(dlsym(library, "ProfilerStart"));
  if (start == nullptr || start("/dev/null") == 0) {
    std::fprintf(stderr, "gperftools did not start: %s\n", library == nullptr ? dlerror() : "");
    return false;
  }
  const itimerval off = {};
  setitimer(ITIMER_PROF, &off, nullptr);
  Action action = {};
  sigaction(SIGPROF, nullptr, &action);
  g_profiler = action.sa_sigaction;
  return g_profiler != nullptr;
}

class Rounds {
 public:
  Rounds(std::vector<Variant> variants, double ghz) : variants_(std::move(variants)), ghz_(ghz) {
    block_.pid = getpid();
    block_.tid = syscall(SYS_gettid);
    evict_.resize(kEvictBytes);
    block_.evict = evict_.data();
  }

  void Run(const char* temperature, int ticks, uint64_t evict_bytes, int rounds) {
    for (int round = -3; round < rounds; ++round) {  // three to warm up
      std::shuffle(variants_.begin(), variants_.end(), random_);
      for (const Variant& variant : variants_) {
        const double ns = RunOne(variant, ticks, evict_bytes);
        if (round >= 0) std::printf("%s %s %.1f\n", temperature, variant.name, ns);
      }
    }
  }

  long ticks_sent() const { return ticks_sent_; }

 private:
  double RunOne(const Variant& variant, int ticks, uint64_t evict_bytes) {
    Install(variant.handler, variant.handler == nullptr);
    block_.count = ticks;
    block_.evict_bytes = evict_bytes;
    block_.body = variant.body ? &g_body_cycles : nullptr;
    variant.run(&block_);
    if (variant.fills_ring) {
      ticks_sent_ += ticks;
      podo_flush(1'000'000'000);  // room for the next block
    }
    std::sort(block_.cycles, block_.cycles + ticks);
    return static_cast<double>(block_.cycles[ticks / 2]) / ghz_;
  }

  std::vector<Variant> variants_;
  double ghz_;
  Block block_ = {};
  std::vector<char> evict_;
  std::mt19937 random_{1};
  long ticks_sent_ = 0;
};

int Main(const std::string& profiler, int rounds) {
  const double ghz = TscGhz();
  std::printf("tsc_ghz %.4f\n", ghz);
  const bool podo = profiler == "podo";
  if (!(podo ? StartPodo() : StartGperftools())) return 1;
  std::vector<Variant> variants = {
      {"ignored", nullptr, RunPlain, false, false},
      {"empty", Empty, RunPlain, false, false},
      {"empty_again", Empty, RunPlain, false, false},
      {"profiler", g_profiler, RunPlain, false, podo},
      {"body", TimedProfiler, RunPlain, true, podo},
      {"empty_framed", Empty, RunFramed, false, false},
      {"frame_pointers", FramePointers, RunFramed, false, false},
  };
  Rounds all(variants, ghz);
  all.Run("warm", kWarmTicks, 0, rounds);
  all.Run("cold", kColdTicks, kEvictBytes, rounds / 2);
  Install(nullptr, true);
  if (!podo) return 0;
  const capture::Counters& c = capture::g_state.load()->counters;
  // A few ticks of podo's own timer may have come before it was disarmed.
  const uint64_t sent = static_cast<uint64_t>(all.ticks_sent());
  std::printf("check sent=%lu taken=%lu incomplete=%lu residue=%lu ring_full=%lu\n", sent,
              c.taken.load(), c.incomplete.load(), c.residue.load(), c.ring_full.load());
  return 0;
}

}  // namespace
}  // namespace podo::bench

int main(int argc, char** argv) {
  const std::string profiler = argc == 3 ? argv[1] : "";
  if (profiler != "podo" && profiler != "gperftools") {
    std::fprintf(stderr, "usage: podo_bench_handler podo|gperftools ROUNDS\n");
    return 2;
  }
  const int status = podo::bench::Main(profiler, std::atoi(argv[2]));
  std::fflush(stdout);
  _exit(status);  // neither profiler's exit hook belongs to the measurement
}
