// SPDX-License-Identifier: Apache-2.0
// A busy program that knows nothing of podo: THREADS threads burn CPU for SECONDS.
//
//   podo_bench_busy THREADS SECONDS [LIBPODO]
//
// Once a second and at the end it prints a line of JSON about itself: VmRSS, mapped code and, if
// the library at the path LIBPODO is loaded, podo's own CPU time.
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "podo/podo_c.h"

namespace {

std::atomic<bool> g_stop{false};
std::atomic<uint64_t> g_sink{0};

// A handful of different stacks.
[[gnu::noinline]] uint64_t Burn(uint64_t seed, int depth) {
  if (depth == 0) {
    for (int i = 0; i < 20'000; ++i) seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed;
  }
  const uint64_t left = Burn(seed + 1, depth - 1);
  return left ^ (seed % 3 == 0 ? Burn(left, depth - 1) : seed);
}

void Work(uint64_t seed) {
  while (!g_stop.load(std::memory_order_relaxed)) g_sink += Burn(seed++, 12);
}

double Seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// A tick may interrupt any sleep: on until the time has come.
void SleepUntil(double second) {
  for (;;) {
    const double left = second - Seconds();
    if (left <= 0) return;
    usleep(static_cast<useconds_t>(left * 1e6));
  }
}

long RssKib() {
  char line[256];
  long kib = 0;
  FILE* status = std::fopen("/proc/self/status", "re");
  while (status != nullptr && std::fgets(line, sizeof line, status) != nullptr) {
    if (std::sscanf(line, "VmRSS: %ld", &kib) == 1) break;
  }
  if (status != nullptr) std::fclose(status);
  return kib;
}

uint64_t CodeBytes() {
  char line[4200];
  uint64_t total = 0;
  FILE* maps = std::fopen("/proc/self/maps", "re");
  while (maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr) {
    uint64_t low, high;
    char rights[8];
    const int found = std::sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &low, &high, rights);
    if (found == 3 && std::strchr(rights, 'x') != nullptr) total += high - low;
  }
  if (maps != nullptr) std::fclose(maps);
  return total;
}

void Report(const char* library, double began) {
  podo_stats stats = {};
  stats.size = sizeof stats;
  void* podo = library == nullptr ? nullptr : dlopen(library, RTLD_NOW | RTLD_NOLOAD);
  auto* get = podo == nullptr
                  ? nullptr
                  : reinterpret_cast<void (*)(podo_stats*)>(dlsym(podo, "podo_get_stats"));
  if (get != nullptr) get(&stats);
  std::printf("{\"second\": %.3f, \"rss_kib\": %ld, \"code_bytes\": %" PRIu64
              ", \"profiled\": %d, \"own_cpu_ns\": %" PRIu64 ", \"process_cpu_ns\": %" PRIu64
              ", \"samples\": %" PRIu64 ", \"rings\": %" PRIu64 ", \"work\": %" PRIu64 "}\n",
              Seconds() - began, RssKib(), CodeBytes(), get != nullptr, stats.own_cpu_ns,
              stats.process_cpu_ns, stats.samples_taken, stats.rings_in_use, g_sink.load() & 1);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: podo_bench_busy THREADS SECONDS [LIBPODO]\n");
    return 2;
  }
  const int threads = std::atoi(argv[1]);
  const double seconds = std::atof(argv[2]);
  const char* library = argc > 3 ? argv[3] : nullptr;
  const double began = Seconds();
  std::vector<std::thread> others;
  // The first thread only looks on once a second: the rest are busy.
  for (int i = 0; i < threads; ++i) others.emplace_back(Work, static_cast<uint64_t>(i) * 1000);
  for (int second = 1; second < seconds; ++second) {
    SleepUntil(began + second);
    Report(library, began);
  }
  SleepUntil(began + seconds);
  Report(library, began);
  g_stop = true;
  for (std::thread& thread : others) thread.join();
  return 0;
}
