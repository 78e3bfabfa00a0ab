// SPDX-License-Identifier: Apache-2.0
// Scopes at full speed under the fastest sampling, threads that exit inside one, and misuse.
//
//   labels_stress storm|exits|misuse SECONDS
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "burn.h"
#include "podo/podo.h"

namespace {

using Clock = std::chrono::steady_clock;
Clock::time_point g_until;
bool Over() { return Clock::now() >= g_until; }

// Few instructions of each endpoint between two changes of labels: where a torn or late label
// shows.
#define PODO_TOUCH(name)                          \
  __attribute__((noinline)) void touch_##name() { \
    volatile int sink = 0;                        \
    for (int i = 0; i < 50; ++i) sink = sink + i; \
  }
PODO_TOUCH(pay)
PODO_TOUCH(search)
PODO_TOUCH(login)
PODO_TOUCH(list)
#undef PODO_TOUCH
constexpr void (*kTouches[])() = {touch_pay, touch_search, touch_login, touch_list};

void StormThread(unsigned seed) {
  const uint8_t trace_id[16] = {1, static_cast<uint8_t>(seed)}, span_id[8] = {2};
  for (unsigned i = seed; !Over(); ++i) {
    for (int k = 0; k < 1000; ++k) {
      const int endpoint = static_cast<int>((i + static_cast<unsigned>(k)) % kEndpoints);
      const podo::ScopedLabels scope(LabelsOf(endpoint));
      kTouches[endpoint]();
      const podo::ScopedLabels step{{"step", k % 2 != 0 ? "odd" : "even"}};
      kTouches[endpoint]();
      if (k % 16 == 0) {
        const podo::ScopedSpan span(trace_id, span_id, "storm");
        kTouches[endpoint]();
      }
      if (k % 64 == 0) {
        const std::string user = std::to_string(i) + "." + std::to_string(k);
        const podo::ScopedLabels many{{"user", user}};  // without end
        kTouches[endpoint]();
      }
      const podo::Context context = podo::Context::Capture();
      const podo::ScopedContext again(context);
      kTouches[endpoint]();
    }
  }
}

void Storm() {
  std::vector<std::thread> pool;
  for (unsigned n = 0; n < 4; ++n) pool.emplace_back(StormThread, n);
  for (std::thread& thread : pool) thread.join();
}

void* ExitInside(void*) {
  const int endpoint = 0;
  // On the heap: pthread_exit would unwind a local one, and end it.
  new podo::ScopedLabels(LabelsOf(endpoint));
  kBurns[endpoint](100'000);
  pthread_exit(nullptr);
}

void Exits() {
  uint64_t threads = 0;
  while (!Over()) {
    pthread_t inside[8];
    for (pthread_t& thread : inside) pthread_create(&thread, nullptr, ExitInside, nullptr);
    for (pthread_t& thread : inside) pthread_join(thread, nullptr);
    threads += 8;
    // A thread that comes after carries nothing of its predecessor's, whose slot it may get.
    std::thread([] { kBurns[1](100'000); }).join();
  }
  std::printf("threads %llu\n", static_cast<unsigned long long>(threads));
}

// Left on another thread, and out of turn: counted, and then nothing rather than something wrong.
void Misuse() {
  uint64_t wrong_places = 0;
  while (!Over()) {
    auto scope = std::make_unique<podo::ScopedLabels>(LabelsOf(0));
    kBurns[0](200'000);
    std::thread([&scope] { scope.reset(); }).join();
    kBurns[1](200'000);  // must carry nothing
    auto first = std::make_unique<podo::ScopedLabels>(LabelsOf(0));
    auto second =
        std::make_unique<podo::ScopedLabels>(std::initializer_list<podo::Label>{{"a", "b"}});
    first.reset();
    second.reset();
    kBurns[1](200'000);  // must carry nothing
    wrong_places += 3;
  }
  std::printf("wrong_places %llu\n", static_cast<unsigned long long>(wrong_places));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view what = argv[1];
  if (!podo::Start().ok()) return 3;
  g_until = Clock::now() + std::chrono::milliseconds(static_cast<int>(1000 * std::atof(argv[2])));
  if (what == "storm") Storm();
  if (what == "exits") Exits();
  if (what == "misuse") Misuse();
  PrintCpu();
  std::printf("misplaced %llu\n",
              static_cast<unsigned long long>(podo::GetStats().misplaced_scopes));
}
