// SPDX-License-Identifier: Apache-2.0
// A host that links podo: says what Start() answers and what was sampled. With an argument it first
// sets that many bytes of rubbish in each of the variables named behind it.
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "podo/podo.h"

namespace {

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

[[gnu::noinline]] void inner(double seconds) {
  const double end = CpuSeconds() + seconds;
  while (CpuSeconds() < end) {
    for (int i = 0; i < 20000; ++i) __asm__ volatile("");
  }
}
[[gnu::noinline]] void middle(double seconds) {
  inner(seconds);
  __asm__ volatile("");  // no tail call: a frame of its own
}

// Exceptions must stay with the runtime's own unwinder, whatever is linked beside it.
[[gnu::noinline]] int Throws(int n) {
  if (n == 0) throw std::runtime_error("thrown");
  return Throws(n - 1) + 1;
}

bool Catches() {
  try {
    return Throws(20) < 0;
  } catch (const std::runtime_error& error) {
    return std::string(error.what()) == "thrown";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    const std::string rubbish(strtoul(argv[1], nullptr, 10), 'x');
    for (int i = 2; i < argc; ++i) setenv(argv[i], rubbish.c_str(), 1);
  }
  const podo::Status status = podo::Start();
  middle(0.5);
  const bool caught = Catches();
  podo::Stop(std::chrono::seconds(10));
  const podo::Stats s = podo::GetStats();
  const bool adds_up = s.ticks == s.samples_taken + s.dropped_ring_full + s.dropped_no_ring +
                                      s.dropped_nested + s.dropped_small_stack + s.paused_ticks +
                                      s.foreign_ticks;
  std::printf("start=%d caught=%d adds_up=%d taken=%llu written=%llu lost=%llu\n",
              static_cast<int>(status.code()), caught, adds_up,
              static_cast<unsigned long long>(s.samples_taken),
              static_cast<unsigned long long>(s.profiles_written),
              static_cast<unsigned long long>(s.profiles_lost));
  return 42;
}
