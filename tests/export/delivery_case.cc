// SPDX-License-Identifier: Apache-2.0
// A service that burns CPU under podo as the environment has it, for test_delivery.py:
// `podo_delivery_case MILLISECONDS [stop]`. Prints what Start() took; at the end, by Stop() if
// asked and else before it exits, its statistics. 0 milliseconds: until it is killed.
#include <time.h>
#ifdef HOST_USES_OPENSSL
#include <openssl/ssl.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "podo/podo.h"

namespace {

using Clock = std::chrono::steady_clock;

long long Microseconds(Clock::duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

// Of work that should take about as long every time: what a request of the service would feel.
Clock::duration Request() {
  const Clock::time_point begin = Clock::now();
  volatile double sum = 0;
  for (int i = 0; i < 200'000; ++i) sum = sum + i;
  return Clock::now() - begin;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::chrono::milliseconds life(std::atoll(argv[1]));
#ifdef HOST_USES_OPENSSL
  OPENSSL_init_ssl(0, nullptr);  // before podo: with an exit handler that tears OpenSSL down
#endif
  const Clock::time_point begin = Clock::now();
  const podo::Status started = podo::Start();
  std::printf("{\"started\": %d, \"start_us\": %lld}\n", started.code(),
              Microseconds(Clock::now() - begin));
  std::fflush(stdout);
  std::vector<long long> requests_us;
  while (life.count() == 0 || Clock::now() - begin < life) {
    const long long took = Microseconds(Request());
    if (life.count() != 0) requests_us.push_back(took);
  }
  const Clock::time_point end = Clock::now();
  std::sort(requests_us.begin(), requests_us.end());
  const auto quantile = [&](size_t percent) {
    return requests_us.empty() ? 0 : requests_us[(requests_us.size() - 1) * percent / 100];
  };
  if (argc > 2 && std::string_view(argv[2]) == "stop") podo::Stop(std::chrono::seconds(2));
  const podo::Stats s = podo::GetStats();
  const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "{\"p50_us\": %lld, \"p99_us\": %lld, \"stop_us\": %lld, \"windows\": %llu, \"written\": "
      "%llu, \"errors\": %llu, "
      "\"retried\": %llu, \"spooled\": %llu, \"lost\": %llu, \"at_exit\": %llu, "
      "\"refused\": %llu, \"last_error\": \"%s\"}\n",
      quantile(50), quantile(99), Microseconds(Clock::now() - end), number(s.windows),
      number(s.profiles_written), number(s.export_errors), number(s.profiles_retried),
      number(s.profiles_spooled), number(s.profiles_lost), number(s.lost_at_exit),
      number(s.lost_refused), s.last_export_error);
}
