// SPDX-License-Identifier: Apache-2.0
// What entering and leaving a scope costs the calling thread, beside what a program would do
// anyway: `label_cost ROUNDS` prints `NAME ns` lines, one a round and name, in random order within
// a round.
#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "podo/podo.h"

namespace {

thread_local const void* volatile t_pointer = nullptr;
const char* volatile g_tenant = "acme";  // so that no compiler knows the strings

// A program's own way to do it: the pointer in thread-local storage, and a table of known labels.
void StoreAndRestore() {
  const void* before = t_pointer;
  t_pointer = &before;
  __asm__ volatile("" ::: "memory");
  t_pointer = before;
}

using Key = std::tuple<std::string, std::string, std::string, std::string>;
using View = std::tuple<absl::string_view, absl::string_view, absl::string_view, absl::string_view>;
struct Hash {
  using is_transparent = void;
  size_t operator()(const View& v) const { return absl::HashOf(v); }
  size_t operator()(const Key& k) const { return absl::HashOf(View(k)); }
};
struct Equal {
  using is_transparent = void;
  bool operator()(const View& a, const View& b) const { return a == b; }
};
absl::flat_hash_map<Key, int, Hash, Equal>& Known() {
  static absl::flat_hash_map<Key, int, Hash, Equal> known;
  return known;
}

const podo::Labels kPrepared{{"endpoint", "/pay"}, {"tenant", "acme"}};

struct Measure {
  const char* name;
  void (*once)();
};
constexpr Measure kMeasures[] = {
    {"pointer", StoreAndRestore},
    {"pointer_again", StoreAndRestore},
    {"prepared", [] { const podo::ScopedLabels scope(kPrepared); }},
    {"lookup",
     [] {
       const char* tenant = g_tenant;
       __asm__ volatile("" ::"r"(Known().find(View("endpoint", "/pay", "tenant", tenant))->second));
     }},
    {"ad_hoc",
     [] {
       const char* tenant = g_tenant;
       const podo::ScopedLabels scope{{"endpoint", "/pay"}, {"tenant", tenant}};
     }},
    {"span",
     [] {
       static constexpr uint8_t kTrace[16] = {1}, kSpan[8] = {2};
       const podo::ScopedSpan span(kTrace, kSpan);
     }},
    {"capture_and_resume",
     [] {
       const podo::ScopedLabels scope(kPrepared);
       const podo::Context context = podo::Context::Capture();
       const podo::ScopedContext resumed(context);
     }},
};

double CpuNs() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double Time(void (*once)()) {
  constexpr int kTimes = 20'000;
  const double begin = CpuNs();
  for (int i = 0; i < kTimes; ++i) once();
  return (CpuNs() - begin) / kTimes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2) podo::Start();      // contexts are published then
  for (int i = 0; i < 2000; ++i) {  // a table and sets of some size
    const std::string n = std::to_string(i);
    Known().emplace(Key("endpoint", "/" + n, "tenant", "t" + n), i);
    const podo::ScopedLabels scope{{"endpoint", "/" + n}, {"tenant", "t" + n}};
  }
  Known().emplace(Key("endpoint", "/pay", "tenant", "acme"), 1);
  std::vector<Measure> order(std::begin(kMeasures), std::end(kMeasures));
  std::mt19937 random(17);
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 30;
  for (const Measure& m : order) Time(m.once);
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const Measure& m : order) std::printf("%s %.3f\n", m.name, Time(m.once));
  }
  podo::Stop(std::chrono::seconds(1));
}
