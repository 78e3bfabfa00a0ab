// SPDX-License-Identifier: Apache-2.0
// Labels that follow Boost.Asio's operations over the threads of a pool.
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "podo/asio.h"
#include "podo/podo.h"

namespace asio = boost::asio;

namespace {

double Harmonic(long terms) {
  double sum = 0;
  for (long i = 1; i <= terms; ++i) sum += 1.0 / static_cast<double>(i);
  return sum;
}

void Report(double result) { std::printf("%f\n", result); }

const podo::Labels kPay{{"endpoint", "/pay"}};
const podo::Labels kSearch{{"endpoint", "/search"}};

// One operation: the handler carries what is in force here.
void PaySoon(asio::io_context& io) {
  podo::ScopedLabels endpoint(kPay);
  auto timer = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(10));
  timer->async_wait(
      podo::CarryContext([timer](boost::system::error_code) { Report(Harmonic(30'000'000)); }));
}

// All operations of an executor, here the steps of a coroutine: it may go on with another thread
// after every co_await, and its scopes go with it.
asio::awaitable<void> Search() {
  podo::ScopedLabels endpoint(kSearch);
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(10));
  co_await timer.async_wait(asio::use_awaitable);
  podo::ScopedLabels step{{"step", "rank"}};
  const double rank = Harmonic(30'000'000);
  co_await asio::post(asio::use_awaitable);
  Report(rank + Harmonic(10'000'000));
}

void Serve() {
  asio::io_context io;
  PaySoon(io);
  asio::co_spawn(podo::CarryContext(io), Search(), asio::detached);
  // With a strand: the strand inside, what carries outside.
  asio::co_spawn(podo::CarryContext(asio::make_strand(io)), Search(), asio::detached);

  std::vector<std::thread> pool;
  for (int i = 0; i < 4; ++i) pool.emplace_back([&io] { io.run(); });
  for (std::thread& thread : pool) thread.join();
}

}  // namespace

int main() {
  podo::Start();
  Serve();
}
