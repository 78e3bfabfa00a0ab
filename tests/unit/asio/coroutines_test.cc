// SPDX-License-Identifier: Apache-2.0
// Coroutines keep their scopes across suspensions, on whichever thread they go on.
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#if defined(BOOST_ASIO_HAS_CO_AWAIT)  // Boost 1.74 knows gcc's coroutines, and not clang 14's

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "carried_now.h"
#include "context/scope.h"
#include "doctest/doctest.h"
#include "podo/asio.h"

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using podo::context::CarriedNow;
using podo::context::MisplacedScopes;

struct Tally {
  std::atomic<int> wrong{0}, hops{0}, finished{0};
};

void Expect(const std::string& expected, Tally& tally) {
  if (CarriedNow() != expected) tally.wrong.fetch_add(1);
}

// Goes to the back of the queue, and notes whether another thread took it up.
awaitable<void> Hop(Tally& tally) {
  const std::thread::id before = std::this_thread::get_id();
  std::this_thread::yield();
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  if (std::this_thread::get_id() != before) tally.hops.fetch_add(1);
}

awaitable<void> Nested(std::string outer, int depth, Tally& tally) {
  if (depth == 0) co_return;
  const std::string key = "d" + std::to_string(depth);
  const podo::ScopedLabels scope{{key, "1"}};
  const std::string inside = key + "=1," + outer;
  Expect(inside, tally);
  co_await Hop(tally);
  Expect(inside, tally);
  co_await Nested(inside, depth - 1, tally);
  Expect(inside, tally);
  co_await Hop(tally);
  Expect(inside, tally);
}

// Until `hops` changes of thread were seen, as often as that takes.
awaitable<void> Request(int n, int hops, Tally& tally) {
  const podo::Labels prepared{{"endpoint", "/" + std::to_string(n)}};
  while (tally.hops < hops) {
    Expect("", tally);
    {
      const podo::ScopedLabels scope(prepared);
      const std::string endpoint = "endpoint=/" + std::to_string(n);
      Expect(endpoint, tally);
      co_await Hop(tally);
      Expect(endpoint, tally);
      co_await Nested(endpoint, 3, tally);
      Expect(endpoint, tally);
    }
    co_await Hop(tally);
    Expect("", tally);
  }
  tally.finished.fetch_add(1);
}

void RunOnThreads(asio::io_context& io, int threads) {
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i) {
    pool.emplace_back([&io] {
      io.run();
      CHECK(CarriedNow() == "");
    });
  }
  for (std::thread& thread : pool) thread.join();
}

TEST_CASE("a scope opened before a co_await is in force and ends after it, on four threads") {
  const uint64_t misplaced = MisplacedScopes();
  asio::io_context io;
  Tally tally;
  constexpr int kRequests = 16;
  for (int n = 0; n < kRequests; ++n) {
    co_spawn(podo::CarryContext(io), Request(n, 1000, tally), asio::detached);
  }
  RunOnThreads(io, 4);
  CHECK(tally.finished == kRequests);
  CHECK(tally.hops >= 1000);
  CHECK(tally.wrong == 0);
  CHECK(MisplacedScopes() == misplaced);
}

awaitable<void> Child(std::string inherited, int n, Tally& tally) {
  for (int i = 0; i < 100; ++i) {
    Expect(inherited, tally);
    const podo::ScopedLabels scope{{"child", std::to_string(n)}};
    co_await Hop(tally);
    Expect("child=" + std::to_string(n) + "," + inherited, tally);
  }
  tally.finished.fetch_add(1);
}

awaitable<void> Parent(Tally& tally) {
  const podo::ScopedLabels scope{{"endpoint", "/pay"}};
  for (int n = 0; n < 8; ++n) {
    co_spawn(co_await asio::this_coro::executor, Child("endpoint=/pay", n, tally), asio::detached);
    const podo::ScopedLabels step{{"step", std::to_string(n)}};
    co_await Hop(tally);
    Expect("endpoint=/pay,step=" + std::to_string(n), tally);
  }
}

TEST_CASE("children spawned on a coroutine's executor have scopes of their own") {
  const uint64_t misplaced = MisplacedScopes();
  asio::io_context io;
  Tally tally;
  for (int i = 0; i < 4; ++i) co_spawn(podo::CarryContext(io), Parent(tally), asio::detached);
  RunOnThreads(io, 4);
  CHECK(tally.finished == 32);
  CHECK(tally.wrong == 0);
  CHECK(MisplacedScopes() == misplaced);
}

TEST_CASE("a function posted inside a scope carries it after the scope has ended elsewhere") {
  asio::io_context io;
  Tally tally;
  std::atomic<int> ran{0};
  for (int n = 0; n < 8; ++n) {
    co_spawn(
        podo::CarryContext(io),
        [&]() -> awaitable<void> {
          for (int i = 0; i < 300; ++i) {
            const podo::ScopedLabels scope{{"endpoint", "/pay"}};
            asio::post(co_await asio::this_coro::executor, [&] {
              Expect("endpoint=/pay", tally);
              ran.fetch_add(1);
            });
            co_await Hop(tally);
          }
        },
        asio::detached);
  }
  RunOnThreads(io, 4);
  CHECK(ran == 8 * 300);
  CHECK(tally.wrong == 0);
}

TEST_CASE("exceptions and cancellation unwind a coroutine's scopes wherever it went on") {
  const uint64_t misplaced = MisplacedScopes();
  asio::io_context io;
  Tally tally;
  co_spawn(
      podo::CarryContext(io),
      [&]() -> awaitable<void> {
        for (int i = 0; i < 200; ++i) {
          try {
            const podo::ScopedLabels scope{{"endpoint", "/pay"}};
            co_await Hop(tally);
            asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
            asio::post(timer.get_executor(), [&timer] { timer.cancel(); });
            co_await timer.async_wait(use_awaitable);
          } catch (const boost::system::system_error& error) {
            if (error.code() == asio::error::operation_aborted) tally.finished.fetch_add(1);
          }
          Expect("", tally);
        }
      },
      asio::detached);
  RunOnThreads(io, 1);
  CHECK(tally.finished == 200);
  CHECK(tally.wrong == 0);
  CHECK(MisplacedScopes() == misplaced);
}

TEST_CASE("coroutines on one strand keep apart, if the strand is what carries") {
  const uint64_t misplaced = MisplacedScopes();
  asio::io_context io;
  Tally tally;
  auto strand = podo::CarryContext(make_strand(io));
  for (int n = 0; n < 8; ++n) co_spawn(strand, Request(n, 200, tally), asio::detached);
  RunOnThreads(io, 4);
  CHECK(tally.finished == 8);
  CHECK(tally.wrong == 0);
  CHECK(MisplacedScopes() == misplaced);
}

TEST_CASE("a pause is the thread's: it ends with the suspension, and its scope without harm") {
  const uint64_t misplaced = MisplacedScopes();
  asio::io_context io;
  Tally tally;
  const auto paused = [] { return podo::model::tls_thread_slot->paused.load(); };
  co_spawn(
      podo::CarryContext(io),
      [&]() -> awaitable<void> {
        const podo::ScopedLabels scope{{"endpoint", "/pay"}};
        {
          const podo::ScopedPause pause;
          CHECK(paused() == 1);
          co_await Hop(tally);
          CHECK(paused() == 0);
        }
        CHECK(paused() == 0);
        Expect("endpoint=/pay", tally);
      },
      asio::detached);
  RunOnThreads(io, 1);
  CHECK(tally.wrong == 0);
  CHECK(MisplacedScopes() == misplaced);
}

TEST_CASE("a coroutine destroyed while suspended in a scope takes nothing from who destroys it") {
  const podo::ScopedLabels own{{"own", "1"}};
  {
    asio::io_context io;
    asio::steady_timer timer(podo::CarryContext(io), std::chrono::hours(1));
    co_spawn(
        podo::CarryContext(io),
        [&]() -> awaitable<void> {
          const podo::ScopedLabels scope{{"endpoint", "/pay"}};
          co_await timer.async_wait(use_awaitable);
        },
        asio::detached);
    std::thread([&io] { io.poll(); }).join();
  }
  CHECK(CarriedNow() == "own=1");
}

TEST_CASE(
    "without a carrying executor scopes end in the wrong place, are counted, and lie to nobody") {
  const uint64_t misplaced = MisplacedScopes();
  asio::io_context io;
  Tally tally;
  std::atomic<int> wrong{0};
  for (int n = 0; n < 8; ++n) {
    const std::string own = "endpoint=/" + std::to_string(n);
    co_spawn(
        io,
        [&wrong, &tally, n, own]() -> awaitable<void> {
          for (int i = 0; i < 300; ++i) {
            {
              const podo::ScopedLabels scope{{"endpoint", "/" + std::to_string(n)}};
              wrong += CarriedNow() != own;
              co_await Hop(tally);
            }
            const podo::ScopedLabels scope{{"endpoint", "/" + std::to_string(n)}};
            wrong += CarriedNow() != own;  // straight after opening it, always right
          }
        },
        asio::detached);
  }
  RunOnThreads(io, 4);
  CHECK(wrong == 0);
  CHECK(MisplacedScopes() > misplaced);
}

}  // namespace

#endif  // BOOST_ASIO_HAS_CO_AWAIT
