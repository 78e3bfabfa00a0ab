// SPDX-License-Identifier: Apache-2.0
// A service that starts podo, computes in two threads, and stops it.
#include <time.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "podo/podo.h"

namespace {

int64_t CpuMs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

[[gnu::noinline]] void BurnHere(int64_t ms) {
  const int64_t end = CpuMs() + ms;
  while (CpuMs() < end) {
    for (int i = 0; i < 20000; ++i) __asm__ volatile("");
  }
}

int main() {
  const podo::Status status = podo::Start();
  std::printf("start=%d\nmessage %s\n", static_cast<int>(status.code()), status.message());
  std::thread second([] { BurnHere(1500); });
  BurnHere(1500);
  second.join();
  std::printf("stopped=%d\n", podo::Stop(std::chrono::seconds(60)).ok());
  const podo::Stats s = podo::GetStats();
  std::printf("ticks=%llu\ntaken=%llu\nincomplete=%llu\n", static_cast<unsigned long long>(s.ticks),
              static_cast<unsigned long long>(s.samples_taken),
              static_cast<unsigned long long>(s.incomplete));
  return 0;
}
