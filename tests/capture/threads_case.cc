// SPDX-License-Identifier: Apache-2.0
// Threads that come and go by the thousand, and first samples at the worst moment.
#include <pthread.h>

#include <memory>

#include "capture/ring_pool.h"
#include "stage.h"

namespace {

using stage::Fact;

uint64_t RingsInUse() { return podo::capture::RingPool(&stage::State()).in_use(); }

// Threads end within a moment, their rings come back with the next look (once a second).
void ReportRings(uint64_t few) {
  stage::Await([few] { return RingsInUse() <= few; }, 10'000);
  Fact("rings_at_end", RingsInUse());
}

// T5: the first tick of each thread hits it in malloc, free or calloc. 40 pthread keys: a late
// pthread_setspecific would allocate; one arena: that allocation would meet a held lock.
void FirstInMalloc(uint64_t count) {
  for (int i = 0; i < 40; ++i) {
    pthread_key_t key;
    pthread_key_create(&key, nullptr);
    pthread_setspecific(key, &key);
  }
  stage::Start();
  constexpr int kAtOnce = 4;
  uint64_t sampled = 0;
  for (uint64_t i = 0; i < count; i += kAtOnce) {
    std::vector<std::unique_ptr<stage::Worker>> workers;
    std::vector<pid_t> tids;
    for (int k = 0; k < kAtOnce; ++k) {
      workers.push_back(std::make_unique<stage::Worker>([k] {
        void* pointer = k % 2 == 0 ? std::malloc(40) : std::calloc(3, 400);
        std::free(pointer);
      }));
      tids.push_back(workers.back()->tid());
    }
    const uint64_t before = stage::Taken();
    const stage::Storm storm(tids);
    stage::Await([&] { return stage::Taken() >= before + 2 * kAtOnce; });
    sampled += stage::Taken() > before;
  }
  Fact("sampled_rounds", sampled);
  Fact("taken", stage::Taken());
  ReportRings(2);
}

// 10,000 threads, each hit at least once in its short life.
void Churn(uint64_t count) {
  stage::Start();
  stage::AwaitTables();
  uint64_t started = 0, peak = 0;
  while (started < count) {
    std::vector<std::thread> threads;
    for (int k = 0; k < 8; ++k, ++started) {
      threads.emplace_back([] {
        const pid_t self = stage::ThreadId();
        void* pointer = std::malloc(100);
        stage::Tick(self);
        std::free(pointer);
        stage::Tick(self);
      });
    }
    for (std::thread& thread : threads) thread.join();
    peak = std::max(peak, RingsInUse());
    stage::SleepMs(1);  // some 4,000 sampled threads a second: as from 40 busy cores at 100 Hz
  }
  Fact("threads", started);
  Fact("taken", stage::Taken());
  Fact("no_ring", stage::State().counters.no_ring);
  Fact("rings_at_peak", peak);
  ReportRings(2);
}

// More threads than rings: those without one are counted.
void Many(uint64_t count) {
  stage::Start();
  stage::AwaitTables();
  std::atomic<uint64_t> ready{0}, hit{0};
  std::atomic<bool> leave{false};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  struct Shared {
    std::atomic<uint64_t>*ready, *hit;
    std::atomic<bool>* leave;
  } shared = {&ready, &hit, &leave};
  std::vector<pthread_t> threads(count);
  uint64_t started = 0;
  for (pthread_t& thread : threads) {
    started += pthread_create(
                   &thread, &attributes,
                   [](void* argument) -> void* {
                     const Shared& s = *static_cast<Shared*>(argument);
                     ++*s.ready;
                     stage::Tick(stage::ThreadId());
                     ++*s.hit;
                     while (!*s.leave) stage::SleepMs(20);
                     return nullptr;
                   },
                   &shared) == 0;
  }
  stage::Await([&] { return hit == started; });
  Fact("started", started);
  Fact("taken", stage::Taken());
  Fact("no_ring", stage::State().counters.no_ring);
  Fact("rings_full", RingsInUse());
  leave = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  ReportRings(2);
}

constexpr stage::Scenario kScenarios[] = {
    {"first-in-malloc", FirstInMalloc}, {"churn", Churn}, {"many", Many}};

}  // namespace

int main(int argc, char** argv) { return stage::Main(kScenarios, argc, argv); }
