// SPDX-License-Identifier: Apache-2.0
// Endpoints that burn CPU time in a function of their own, so that a stack says what its label must
// be.
#ifndef PODO_TESTS_LABELS_BURN_H_
#define PODO_TESTS_LABELS_BURN_H_

#include <time.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <random>

#include "podo/context.h"

inline constexpr int kEndpoints = 4;
inline constexpr const char* kNames[kEndpoints] = {"pay", "search", "login", "list"};
inline constexpr double kWeights[kEndpoints] = {1, 2, 3, 4};

inline std::atomic<uint64_t> g_cpu_ns[kEndpoints];

inline uint64_t CpuNs() {
  uint64_t sum = 0;
  for (const std::atomic<uint64_t>& ns : g_cpu_ns) sum += ns;
  return sum;
}

inline uint64_t ThreadCpuNs() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

inline __attribute__((noinline)) void Burn(int endpoint, uint64_t ns) {
  const uint64_t from = ThreadCpuNs();
  uint64_t now = from;
  volatile uint64_t sink = 0;
  while (now - from < ns) {
    for (int i = 0; i < 5'000; ++i) sink = sink + static_cast<uint64_t>(i);
    now = ThreadCpuNs();
  }
  g_cpu_ns[endpoint].fetch_add(now - from, std::memory_order_relaxed);
}

// The fence keeps the frame: no tail call.
#define PODO_BURN(name, number)                                    \
  inline __attribute__((noinline)) void burn_##name(uint64_t ns) { \
    Burn(number, ns);                                              \
    __asm__ volatile("" ::: "memory");                             \
  }
PODO_BURN(pay, 0)
PODO_BURN(search, 1)
PODO_BURN(login, 2)
PODO_BURN(list, 3)
#undef PODO_BURN
inline constexpr void (*kBurns[kEndpoints])(uint64_t) = {burn_pay, burn_search, burn_login,
                                                         burn_list};

inline const podo::Labels& LabelsOf(int endpoint) {
  static const podo::Labels labels[kEndpoints] = {{{"endpoint", "pay"}},
                                                  {{"endpoint", "search"}},
                                                  {{"endpoint", "login"}},
                                                  {{"endpoint", "list"}}};
  return labels[endpoint];
}

// What a client might ask next. Lengths vary, so that no tick falls into step with them.
class Choice {
 public:
  explicit Choice(unsigned seed) : random_(seed) {}
  int Endpoint() { return endpoints_(random_); }
  uint64_t Ns() { return lengths_(random_); }

 private:
  std::mt19937 random_;
  std::discrete_distribution<int> endpoints_{kWeights, kWeights + kEndpoints};
  std::uniform_int_distribution<uint64_t> lengths_{50'000, 1'500'000};
};

inline void PrintCpu() {
  for (int i = 0; i < kEndpoints; ++i) {
    std::printf("cpu %s %llu\n", kNames[i], static_cast<unsigned long long>(g_cpu_ns[i].load()));
  }
}

#endif  // PODO_TESTS_LABELS_BURN_H_
