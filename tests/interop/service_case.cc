// SPDX-License-Identifier: Apache-2.0
// A service for test_weather.py: threads answer make-believe requests in functions of known names,
// under labels and spans. `podo_service_case`, configured by the environment; each line on stdin
// gives a line of JSON with the counters so far: `stats` no more, `latency` the requests' latency
// since the last such line, `flush` and `stop` what these calls came to; `slow` makes RenderCart
// take 20 times as long from now on. The end of stdin ends it without a flush.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../export/json_text.h"
#include "podo/podo.h"

namespace {

using Clock = std::chrono::steady_clock;

std::mutex latencies_mutex;
std::vector<double> latencies_us;
std::atomic<bool> cart_is_slow{false};  // a switch for people, orders nothing: relaxed

}  // namespace

// The work of a request; outside the anonymous namespace for their names.
[[gnu::noinline]] double ChargeCard(int rounds) {
  volatile double sum = 0;
  for (int i = 0; i < rounds; ++i) sum = sum + i;
  return sum;
}

[[gnu::noinline]] double RenderCart(int rounds) {
  volatile double product = 1;
  for (int i = 0; i < rounds; ++i) product = product * 1.0000001;
  return product;
}

namespace {

void Serve(bool pays, int number) {
  const podo::ScopedLabels labels{{"endpoint", pays ? "/pay" : "/cart"}};
  const uint8_t span[8] = {0xcd, static_cast<uint8_t>(number)};
  const uint8_t trace[16] = {0xab, 1, 2};
  const podo::ScopedSpan scope(trace, span);
  constexpr int kRounds = 100'000;
  if (pays) {
    ChargeCard(kRounds);
  } else {
    RenderCart(cart_is_slow.load(std::memory_order_relaxed) ? 20 * kRounds : kRounds);
  }
}

// Mostly asleep, so that a request's time is its own work and not the wait for a core; of irregular
// length, for a rhythm of its own would beat with the kernel's tick and bend the shares.
void ServeAll(bool pays, const std::atomic<bool>& leaving) {
  std::minstd_rand chance(pays ? 1 : 2);
  for (int number = 0; !leaving.load(std::memory_order_relaxed); ++number) {  // a hint, no data
    const auto began = Clock::now();
    Serve(pays, number % 4);
    const double us = std::chrono::duration<double, std::micro>(Clock::now() - began).count();
    {
      const std::lock_guard lock(latencies_mutex);
      latencies_us.push_back(us);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + chance() % 2000));
  }
}

void PrintLatency() {
  std::vector<double> taken;
  {
    const std::lock_guard lock(latencies_mutex);
    taken.swap(latencies_us);
  }
  std::sort(taken.begin(), taken.end());
  const auto at = [&](double share) {
    return taken.empty() ? 0.0 : taken[static_cast<size_t>(share * (taken.size() - 1))];
  };
  std::printf(", \"requests\": %zu, \"p50_us\": %.0f, \"p99_us\": %.0f, \"max_us\": %.0f",
              taken.size(), at(0.5), at(0.99), at(1));
}

void PrintStats() {
  const podo::Stats s = podo::GetStats();
  const auto print = [](const char* name, uint64_t value) {
    std::printf(", \"%s\": %llu", name, static_cast<unsigned long long>(value));
  };
  print("ticks", s.ticks);
  print("taken", s.samples_taken);
  print("own", s.own_ticks);
  print("foreign", s.foreign_ticks);
  print("windows", s.windows);
  print("own_cpu_ns", s.own_cpu_ns);
  print("written", s.profiles_written);
  print("errors", s.export_errors);
  print("retried", s.profiles_retried);
  print("spooled", s.profiles_spooled);
  print("lost", s.profiles_lost);
  print("lost_at_exit", s.lost_at_exit);
  std::printf(", \"last_error\": \"%s\"", s.last_export_error);
}

}  // namespace

int main() {
  const auto before = Clock::now();
  const podo::Status started = podo::Start();
  const double start_ms = std::chrono::duration<double, std::milli>(Clock::now() - before).count();
  std::atomic<bool> leaving{false};
  std::vector<std::thread> threads;
  for (const bool pays : {true, false}) {
    threads.emplace_back([pays, &leaving] { ServeAll(pays, leaving); });
  }
  std::printf("{\"started\": %d, \"start_ms\": %.3f}\n", started.code(), start_ms);
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto began = Clock::now();
    int code = -1;
    if (line == "slow") cart_is_slow.store(true, std::memory_order_relaxed);
    if (line == "flush") code = podo::Flush(std::chrono::seconds(60)).code();
    if (line == "stop") code = podo::Stop(std::chrono::seconds(10)).code();
    std::printf("{\"code\": %d, \"ms\": %.1f", code,
                std::chrono::duration<double, std::milli>(Clock::now() - began).count());
    if (line == "latency") PrintLatency();
    if (line == "metrics") {
      std::printf(", \"text\": %s", Json(podo::RenderMetrics()).c_str());
    }
    PrintStats();
    std::printf("}\n");
    std::fflush(stdout);
  }
  leaving.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads) thread.join();
  return 0;
}
