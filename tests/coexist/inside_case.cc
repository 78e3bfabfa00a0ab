// SPDX-License-Identifier: Apache-2.0
// A service that links podo and has an allocator, a sanitizer or a root directory of its own.
//
//   coexist_inside SCENARIO
// Facts are lines "name=value"; what was to happen is for the script to say.
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "podo/podo.h"

namespace {

void Fact(const char* name, uint64_t value) {
  std::printf("%s=%llu\n", name, static_cast<unsigned long long>(value));
}

int64_t ThreadCpuMs() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

#ifdef BIG_TLS
thread_local volatile char g_big[3 << 20];  // part of every thread's stack
#endif

std::mutex g_lock;
std::atomic<uint64_t> g_rounds{0}, g_caught{0};
std::shared_ptr<std::string> g_shared;

[[gnu::noinline]] void Throw(uint64_t round) {
  if (round % 64 == 0) throw std::runtime_error("as hosts do");
}

// Allocates, locks and throws: what allocators and sanitizers have hooks in.
void Work(int cpu_ms) {
#ifdef BIG_TLS
  g_big[0] = 1;
#endif
  const int64_t end = ThreadCpuMs() + cpu_ms;
  std::vector<std::string> kept;
  for (uint64_t round = 0; ThreadCpuMs() < end; ++round) {
    kept.emplace_back(16 + round * 37 % 5000, 'x');
    if (kept.size() == 100) kept.clear();
    {
      const std::lock_guard<std::mutex> lock(g_lock);
      g_shared = std::make_shared<std::string>(100, 'y');
    }
    try {
      Throw(round);
    } catch (const std::exception&) {
      ++g_caught;
    }
    ++g_rounds;
  }
}

bool Begin() {
  const podo::Status status = podo::Start();
  Fact("start", static_cast<uint64_t>(status.code()));
  std::printf("message %s\n", status.message());
  return status.ok();
}

void End() {
  const podo::Stats stats = podo::GetStats();
  Fact("ticks", stats.ticks);
  Fact("written", stats.profiles_written);
  podo::Stop(std::chrono::seconds(10));
  const podo::Stats s = podo::GetStats();
  Fact("adds_up", s.ticks == s.samples_taken + s.dropped_ring_full + s.dropped_no_ring +
                                 s.dropped_nested + s.dropped_small_stack + s.paused_ticks +
                                 s.foreign_ticks);
  Fact("stopped", 1);
}

void Works() {
  if (!Begin()) return;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([] { Work(150); });
  Work(150);
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 50; ++i) std::thread([] { Work(1); }).join();
  Fact("flushed", podo::Flush(std::chrono::seconds(10)).ok());
  Fact("caught", g_caught);
  End();
}

// glibc signals every thread of the process for a setuid(), podo's too, and waits for their answer.
void DropsPrivileges() {
  if (!Begin()) return;
  Work(100);
  const char* const root = std::getenv("TEST_ROOT");
  Fact("dropped", root != nullptr && chroot(root) == 0 && chdir("/") == 0 && setgid(65534) == 0 &&
                      setuid(65534) == 0);
  const uint64_t before = podo::GetStats().ticks;
  std::thread late([] { Work(100); });  // seen by podo for the first time in there
  Work(100);
  late.join();
  Fact("ticks_inside", podo::GetStats().ticks - before);
  podo::Flush(std::chrono::seconds(10));
  Fact("uid", getuid());
  End();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (std::strcmp(argv[1], "works") == 0) {
    Works();
  } else if (std::strcmp(argv[1], "drops-privileges") == 0) {
    DropsPrivileges();
  } else {
    return 2;
  }
  Fact("done", 1);
  return 0;
}
