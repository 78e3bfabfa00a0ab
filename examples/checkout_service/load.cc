// SPDX-License-Identifier: Apache-2.0
// checkout_load: customers of checkout_service, all on one thread. Prints progress every second and
// ends with one line of throughput and latency; exits with 1 if any request failed.
//
//   checkout_load --port N [--seconds S] [--connections N] [--nested-share 0..1] [--depth N]
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <functional>
#include <list>
#include <string>

#include "flags.h"
#include "load_requests.h"
#include "visitor.h"

namespace {

using checkout::Clock;
using checkout::LoadPlan;
using checkout::LoadTally;

struct LoadOptions {
  double port = 0;
  double seconds = 10;
  double connections = 8;
  double nested_share = 0;
  double depth = 1000;
};

std::string ParseOptions(int argc, char** argv, LoadOptions* options) {
  const checkout::Flag flags[] = {{"--port", &options->port, 1, 65535, true},
                                  {"--seconds", &options->seconds, 0.1, 86400, false},
                                  {"--connections", &options->connections, 1, 200, true},
                                  {"--nested-share", &options->nested_share, 0, 1, false},
                                  {"--depth", &options->depth, 1, 1000, true}};
  if (std::string error = checkout::ParseFlags(argc, argv, flags); !error.empty()) return error;
  return options->port == 0 ? "--port is missing" : "";
}

// Latency that `share` of all answers stayed within. Sorts.
double PercentileMs(std::vector<std::uint32_t>& latencies_us, double share) {
  const auto rank =
      static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies_us.size() - 1));
  std::nth_element(latencies_us.begin(), latencies_us.begin() + rank, latencies_us.end());
  return latencies_us[static_cast<std::size_t>(rank)] / 1000.0;
}

void PrintSummary(LoadTally& tally, double elapsed_s) {
  std::printf("  %zu requests in %.1f s: %.0f/s", tally.latencies_us.size(), elapsed_s,
              static_cast<double>(tally.latencies_us.size()) / elapsed_s);
  if (!tally.latencies_us.empty()) {
    std::printf(", p50 %.2f ms, p99 %.2f ms", PercentileMs(tally.latencies_us, 0.50),
                PercentileMs(tally.latencies_us, 0.99));
  }
  std::printf(", %llu errors\n", static_cast<unsigned long long>(tally.errors));
  if (tally.errors > 0) {
    std::fprintf(stderr, "checkout_load: first error: %s\n", tally.first_error.c_str());
  }
}

void Run(const LoadOptions& options, LoadTally* tally) {
  boost::asio::io_context io(1);
  const auto start = Clock::now();
  const LoadPlan plan = {
      {boost::asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(options.port)},
      start + std::chrono::duration_cast<Clock::duration>(
                  std::chrono::duration<double>(options.seconds)),
      options.nested_share,
      checkout::FlatCheckoutBody(),
      checkout::NestedCheckoutBody(static_cast<int>(options.depth))};
  std::list<checkout::Visitor> visitors;
  for (unsigned i = 0; i < static_cast<unsigned>(options.connections); ++i) {
    visitors.emplace_back(io, plan, *tally, i + 1).Start();
  }
  boost::asio::steady_timer tick(io);
  int elapsed_s = 0;
  const std::function<void(boost::system::error_code)> report = [&](boost::system::error_code) {
    if (elapsed_s > 0)
      std::printf("  %3d s  %7zu requests\n", elapsed_s, tally->latencies_us.size());
    std::fflush(stdout);
    const auto next = start + std::chrono::seconds(++elapsed_s);
    if (next > plan.until) return;
    tick.expires_at(next);
    tick.async_wait(report);
  };
  report({});
  io.run();
  PrintSummary(*tally, std::chrono::duration<double>(Clock::now() - start).count());
}

}  // namespace

int main(int argc, char** argv) {
  LoadOptions options;
  if (const std::string error = ParseOptions(argc, argv, &options); !error.empty()) {
    std::fprintf(stderr, "checkout_load: %s\n", error.c_str());
    return 2;
  }
  LoadTally tally;
  Run(options, &tally);
  return tally.errors == 0 && !tally.latencies_us.empty() ? 0 : 1;
}
