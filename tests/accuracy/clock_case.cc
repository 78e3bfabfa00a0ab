// SPDX-License-Identifier: Apache-2.0
// Threads that burn CPU time each in a function of its own, and say afterwards how much it was.
//
//   clock_case SCENARIO THREADS MILLISECONDS
// Prints "cpu FUNCTION NS" for each function and "threads N" for those that ran.
//   clock_case exec TIMES MILLISECONDS
// Works, then becomes this program anew, so often; says at the end how many ticks came after an
// exec that failed.
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "podo/podo.h"

namespace {

constexpr int kFunctions = 64;
std::array<std::atomic<uint64_t>, kFunctions> g_cpu_ns;
podo::Stats g_stats;
int g_highest_descriptor = 0;

uint64_t Now(clockid_t clock) {
  timespec t = {};
  clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}
uint64_t ThreadCpuNs() { return Now(CLOCK_THREAD_CPUTIME_ID); }

constexpr uint64_t kMs = 1'000'000;

// Burns `ns` of the calling thread's CPU time, or until `until_ns` of the wall clock.
template <int kNumber>
__attribute__((noinline)) void Work(uint64_t ns, uint64_t until_ns) {
  const uint64_t from = ThreadCpuNs();
  volatile uint64_t sink = 0;
  uint64_t burnt = 0;
  while (burnt < ns && Now(CLOCK_MONOTONIC) < until_ns) {
    for (int i = 0; i < 2'000; ++i) sink = sink + static_cast<uint64_t>(i);
    burnt = ThreadCpuNs() - from;
  }
  g_cpu_ns[kNumber] += burnt;
}

using Function = void (*)(uint64_t, uint64_t);
template <size_t... kNumbers>
constexpr std::array<Function, kFunctions> AllOf(std::index_sequence<kNumbers...>) {
  return {Work<kNumbers>...};
}
constexpr std::array<Function, kFunctions> kWork = AllOf(std::make_index_sequence<kFunctions>());

void Sleep(uint64_t ns) {
  timespec left = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  while (nanosleep(&left, &left) != 0) {
  }
}

// Busy for `busy_ns` of every `period_ns`.
void Beat(Function work, uint64_t busy_ns, uint64_t period_ns, uint64_t until_ns) {
  while (Now(CLOCK_MONOTONIC) < until_ns) {
    work(busy_ns, until_ns);
    if (busy_ns < period_ns) Sleep(period_ns - busy_ns);
  }
}

void BlockSigprof() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int HighestDescriptor() {
  int highest = -1;
  for (int fd = 0; fd < 1024; ++fd) {
    if (fcntl(fd, F_GETFD) != -1) highest = fd;
  }
  return highest;
}

int RunThreads(const std::string& scenario, int threads, uint64_t until_ns) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([scenario, i, until_ns] {
      const Function work = kWork[static_cast<size_t>(i % kFunctions)];
      const uint64_t halves = uint64_t{1} << (i % 6);
      if (scenario == "equal") work(UINT64_MAX, until_ns);
      if (scenario == "unequal") Beat(work, 32 * kMs / halves, 32 * kMs, until_ns);
      // 0.3 ms to 3 ms, then as long a rest: mostly shorter than a tick of the kernel.
      if (scenario == "bursty") Beat(work, 300'000 + i % 10 * 300'000u, 3 * kMs, until_ns);
      if (scenario == "blocked") {
        if (i == 0) BlockSigprof();
        work(UINT64_MAX, until_ns);
      }
    });
  }
  Sleep((until_ns - Now(CLOCK_MONOTONIC)) / 2);
  g_stats = podo::GetStats();  // while they live
  g_highest_descriptor = HighestDescriptor();
  for (std::thread& thread : running) thread.join();
  return threads;
}

// Threads of 1 to 40 ms of CPU time each, `threads` at a time; the longer ones in other functions.
int Churn(int threads, uint64_t until_ns) {
  int started = 0;
  while (Now(CLOCK_MONOTONIC) < until_ns) {
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i) {
      const int kind = started++ % 4;
      running.emplace_back([kind, until_ns] {
        constexpr std::array<uint64_t, 4> kLives = {1, 5, 15, 40};
        const auto number = static_cast<size_t>(kind);
        kWork[number](kLives[number] * kMs, until_ns + 1000 * kMs);
      });
    }
    for (std::thread& thread : running) thread.join();
  }
  return started;
}

void Limit(__rlimit_resource what, rlim_t value) {
  const rlimit limit = {value, value};
  setrlimit(what, &limit);
}

// As container engines do.
void RefusePerf() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {static_cast<unsigned short>(std::size(filter)), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, 2, &program) != 0) {
    std::abort();
  }
}

// The scenarios whose threads are "equal" under less than they want.
bool Restrict(const std::string& scenario) {
  if (scenario == "few-timers") return Limit(RLIMIT_SIGPENDING, 67), true;
  if (scenario == "few-files") return Limit(RLIMIT_NOFILE, 16), true;
  if (scenario == "no-perf") return RefusePerf(), true;
  return false;
}

uint64_t Ticks() { return podo::GetStats().ticks; }

int Exec(char** argv, int times, uint64_t ms) {
  std::thread second([ms] { kWork[1](ms * kMs, UINT64_MAX); });
  kWork[0](ms * kMs, UINT64_MAX);
  podo::PrepareExec();
  if (times > 0) {
    const std::string left = std::to_string(times - 1);
    execl("/proc/self/exe", argv[0], "exec", left.c_str(), argv[3], nullptr);
  } else {
    execl("/nonexistent", "nonexistent", nullptr);
  }
  podo::ExecFailed();
  second.join();
  const uint64_t before = Ticks();
  for (int i = 0; i < 500 && Ticks() < before + 10; ++i) kWork[0](10 * kMs, UINT64_MAX);
  std::printf("ticks_after_failed_exec %d\n", static_cast<int>(Ticks() - before));
  podo::Stop(std::chrono::seconds(20));
  return times == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string scenario = argv[1];
  const int threads = std::atoi(argv[2]);
  const uint64_t ms = std::strtoull(argv[3], nullptr, 10);
  const bool restricted = Restrict(scenario);
  if (const podo::Status started = podo::Start(); !started.ok()) {
    std::fprintf(stderr, "%s\n", std::string(started.message()).c_str());
    return 1;
  }
  if (scenario == "exec") return Exec(argv, threads, ms);
  const uint64_t until_ns = Now(CLOCK_MONOTONIC) + ms * kMs;
  const int ran = scenario == "churn"
                      ? Churn(threads, until_ns)
                      : RunThreads(restricted ? "equal" : scenario, threads, until_ns);
  itimerval itimer = {};
  getitimer(ITIMER_PROF, &itimer);
  std::printf("itimer_armed %d\n", itimer.it_interval.tv_usec != 0);
  std::printf("threads %d\nthread_timers %llu\nrefused_timers %llu\n", ran,
              static_cast<unsigned long long>(g_stats.thread_timers),
              static_cast<unsigned long long>(g_stats.refused_timers));
  std::printf("highest_descriptor %d\n", g_highest_descriptor);
  for (int i = 0; i < kFunctions; ++i) {
    const uint64_t ns = g_cpu_ns[static_cast<size_t>(i)];
    if (ns != 0) std::printf("cpu Work<%d> %llu\n", i, static_cast<unsigned long long>(ns));
  }
  podo::Stop(std::chrono::seconds(20));
  return 0;
}
