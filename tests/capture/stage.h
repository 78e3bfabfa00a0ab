// SPDX-License-Identifier: Apache-2.0
// What the programs of this suite share: clocks, CPU to burn, a storm of SIGPROF, and one way to
// tell the watching script what was seen.
#ifndef PODO_TESTS_CAPTURE_STAGE_H_
#define PODO_TESTS_CAPTURE_STAGE_H_

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

#include "capture/state.h"
#include "podo/podo.h"

namespace stage {

inline int64_t ClockMs(clockid_t clock = CLOCK_MONOTONIC) {
  timespec now;
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// The whole time: a tick of podo's own CPU time may interrupt any sleep. To a point in time, since
// a relative sleep never ends under a storm of signals (what is left is rounded up each time).
inline void SleepMs(int64_t ms) {
  timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  const int64_t ns = until.tv_nsec + ms * 1'000'000;
  until.tv_sec += static_cast<time_t>(ns / 1'000'000'000);
  until.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0) {
  }
}

// Uses `ms` of this thread's CPU time. Not inlined: stacks name it.
[[gnu::noinline]] inline void BurnMs(int64_t ms) {
  const int64_t end = ClockMs(CLOCK_THREAD_CPUTIME_ID) + ms;
  while (ClockMs(CLOCK_THREAD_CPUTIME_ID) < end) {
    for (int i = 0; i < 20000; ++i) __asm__ volatile("");
  }
}

// One line `text` for the script, in one write: lines of several threads do not mix, and nothing
// is allocated.
[[gnu::format(printf, 1, 2)]] inline void Say(const char* text, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, text);
  int size = std::vsnprintf(line, sizeof line - 1, text, arguments);
  va_end(arguments);
  if (size > static_cast<int>(sizeof line) - 2) size = sizeof line - 2;
  line[size++] = '\n';
  [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, line, static_cast<size_t>(size));
}

inline void Fact(const char* name, uint64_t value) {
  Say("%s=%llu", name, static_cast<unsigned long long>(value));
}

inline podo::capture::State& State() { return *podo::capture::g_state.load(); }
inline uint64_t Ticks() { return State().counters.ticks.load(); }
inline uint64_t Taken() { return State().counters.taken.load(); }

// Waits until `done()`; false after `limit_ms`.
template <typename Done>
bool Await(Done done, int64_t limit_ms = 20000) {
  const int64_t end = ClockMs() + limit_ms;
  while (!done()) {
    if (ClockMs() > end) return false;
    SleepMs(1);
  }
  return true;
}

// Starts podo as the environment says, and samples also what the storms here send by tgkill.
inline void Start() {
  const podo::Status status = podo::Start();
  if (!status.ok()) {
    Say("Start: %d %s", status.code(), status.message());
    std::exit(3);
  }
  State().sample_foreign = 1;
}

// Until the first tables are there, and the thread layout is known.
inline bool AwaitTables() {
  return Await([] { return State().snapshot.load()->generation != 0 && State().layout != 0; });
}

inline pid_t ThreadId() { return static_cast<pid_t>(syscall(SYS_gettid)); }
inline bool Tick(pid_t tid) { return syscall(SYS_tgkill, getpid(), tid, SIGPROF) == 0; }

// A thread that sends SIGPROF to `targets` in turn, as fast as it can.
class Storm {
 public:
  explicit Storm(std::vector<pid_t> targets)
      : targets_(std::move(targets)), thread_([this] { Run(); }) {}
  ~Storm() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Run() {
    sigset_t set;  // ticks are for the others
    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    while (!stop_) {
      for (const pid_t target : targets_) Tick(target);
    }
  }
  const std::vector<pid_t> targets_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// A thread that repeats `body` until the object goes, counting its rounds.
class Worker {
 public:
  template <typename Body>
  explicit Worker(Body body)
      : thread_([this, body] {
          tid_ = ThreadId();
          while (!stop_) {
            body();
            rounds_.fetch_add(1, std::memory_order_relaxed);
          }
        }) {
    while (tid_ == 0) SleepMs(1);
  }
  ~Worker() {
    stop_ = true;
    thread_.join();
  }
  pid_t tid() const { return tid_; }
  uint64_t rounds() const { return rounds_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<pid_t> tid_{0};
  std::atomic<uint64_t> rounds_{0};
  std::thread thread_;
};

// A field of /proc/self/status in its own unit (kB for sizes).
inline uint64_t ProcStatus(const char* field) {
  FILE* file = std::fopen("/proc/self/status", "re");
  char line[256];
  uint64_t value = 0;
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    const size_t length = std::strlen(field);
    if (std::strncmp(line, field, length) == 0 && line[length] == ':') {
      value = std::strtoull(line + length + 1, nullptr, 10);
      break;
    }
  }
  if (file != nullptr) std::fclose(file);
  return value;
}

// Runs the scenario that argv[1] names; argv[2], if given, is its size.
struct Scenario {
  const char* name;
  void (*run)(uint64_t size);
};
template <size_t N>
int Main(const Scenario (&scenarios)[N], int argc, char** argv) {
  for (const Scenario& scenario : scenarios) {
    if (argc < 2 || std::string_view(argv[1]) != scenario.name) continue;
    scenario.run(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0);
    Say("done=1");
    return 0;
  }
  Say("no scenario %s", argc > 1 ? argv[1] : "given");
  return 2;
}

}  // namespace stage

#endif  // PODO_TESTS_CAPTURE_STAGE_H_
