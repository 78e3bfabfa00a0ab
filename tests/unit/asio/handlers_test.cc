// SPDX-License-Identifier: Apache-2.0
// Handlers run as what their operation started with.
#include <boost/asio/compose.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "carried_now.h"
#include "context/scope.h"
#include "doctest/doctest.h"
#include "podo/asio.h"

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using podo::context::CarriedNow;
using podo::context::MisplacedScopes;

using Io = asio::io_context;
using Seen = std::vector<std::string>;
using Ways = std::vector<std::pair<const char*, std::function<void(Io&, Seen&)>>>;

// Each starts one operation whose handler notes what it carries.
Ways HandlerWays() {
  return {
      {"post",
       [](Io& io, Seen& s) { post(io, podo::CarryContext([&] { s.push_back(CarriedNow()); })); }},
      {"dispatch",
       [](Io& io, Seen& s) {
         dispatch(io, podo::CarryContext([&] { s.push_back(CarriedNow()); }));
       }},
      {"defer",
       [](Io& io, Seen& s) { defer(io, podo::CarryContext([&] { s.push_back(CarriedNow()); })); }},
      {"post to a strand",
       [](Io& io, Seen& s) {
         post(make_strand(io), podo::CarryContext([&] { s.push_back(CarriedNow()); }));
       }},
      {"timer",
       [](Io& io, Seen& s) {
         auto timer = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(1));
         timer->async_wait(
             podo::CarryContext([&s, timer](error_code) { s.push_back(CarriedNow()); }));
       }},
      {"timer on a strand",
       [](Io& io, Seen& s) {
         auto timer =
             std::make_shared<asio::steady_timer>(make_strand(io), std::chrono::milliseconds(1));
         timer->async_wait(
             podo::CarryContext([&s, timer](error_code) { s.push_back(CarriedNow()); }));
       }},
      {"a move-only handler",
       [](Io& io, Seen& s) {
         post(io, podo::CarryContext(
                      [&s, only = std::make_unique<int>(1)] { s.push_back(CarriedNow()); }));
       }},
  };
}

Ways ExecutorWays() {
  return {
      {"post",
       [](Io& io, Seen& s) { post(podo::CarryContext(io), [&] { s.push_back(CarriedNow()); }); }},
      {"dispatch",
       [](Io& io, Seen& s) {
         dispatch(podo::CarryContext(io), [&] { s.push_back(CarriedNow()); });
       }},
      {"defer",
       [](Io& io, Seen& s) { defer(podo::CarryContext(io), [&] { s.push_back(CarriedNow()); }); }},
      {"any_io_executor",
       [](Io& io, Seen& s) {
         const asio::any_io_executor any = podo::CarryContext(io);
         post(any, [&] { s.push_back(CarriedNow()); });
       }},
      {"around a strand",
       [](Io& io, Seen& s) {
         post(podo::CarryContext(make_strand(io)), [&] { s.push_back(CarriedNow()); });
       }},
      {"timer",
       [](Io& io, Seen& s) {
         auto timer = std::make_shared<asio::steady_timer>(podo::CarryContext(io),
                                                           std::chrono::milliseconds(1));
         timer->async_wait([&s, timer](error_code) { s.push_back(CarriedNow()); });
       }},
      {"timer around a strand",
       [](Io& io, Seen& s) {
         auto timer = std::make_shared<asio::steady_timer>(podo::CarryContext(make_strand(io)),
                                                           std::chrono::milliseconds(1));
         timer->async_wait([&s, timer](error_code) { s.push_back(CarriedNow()); });
       }},
      {"work guard",
       [](Io& io, Seen& s) {
         auto guard = asio::make_work_guard(podo::CarryContext(io));
         post(guard.get_executor(), [&] { s.push_back(CarriedNow()); });
       }},
  };
}

void RunOnAnotherThread(Io& io) {
  std::thread([&io] {
    io.run();
    CHECK(CarriedNow() == "");
  }).join();
}

void CheckWays(const Ways& ways) {
  for (const auto& [name, start] : ways) {
    CAPTURE(name);
    const uint64_t misplaced = MisplacedScopes();
    Io io;
    Seen seen;
    {
      const podo::ScopedLabels scope{{"endpoint", name}};
      start(io, seen);
    }
    start(io, seen);  // outside of any scope
    {
      const podo::ScopedLabels other{{"endpoint", "other"}};
      RunOnAnotherThread(io);
      CHECK(CarriedNow() == "endpoint=other");
    }
    Seen expected = {"endpoint=" + std::string(name), ""};
    std::sort(seen.begin(), seen.end());  // timers may come in either order
    std::sort(expected.begin(), expected.end());
    CHECK(seen == expected);
    CHECK(MisplacedScopes() == misplaced);
  }
}

TEST_CASE("a handler made by CarryContext runs as what it was made with") {
  CheckWays(HandlerWays());
}

TEST_CASE("what is submitted to an executor of CarryContext runs as what it was submitted with") {
  CheckWays(ExecutorWays());
}

TEST_CASE("sockets of a carrying executor carry what each operation started with") {
  Io io;
  asio::local::stream_protocol::socket a(podo::CarryContext(io)), b(io);
  asio::local::connect_pair(a, b);
  Seen seen;
  char in[4];
  {
    const podo::ScopedLabels scope{{"op", "read"}};
    async_read(a, asio::buffer(in), [&](error_code, size_t n) {
      seen.push_back(CarriedNow() + " " + std::to_string(n));
    });
  }
  {
    const podo::ScopedLabels scope{{"op", "write"}};
    async_write(b, asio::buffer("abcd", 4),
                podo::CarryContext([&](error_code, size_t) { seen.push_back(CarriedNow()); }));
  }
  RunOnAnotherThread(io);
  std::sort(seen.begin(), seen.end());
  CHECK(seen == Seen{"op=read 4", "op=write"});
}

// A composed operation of three steps, which notes what each of them carries.
template <class Token>
auto AsyncSteps(Io& io, Seen& seen, Token&& token) {
  auto timer = std::make_shared<asio::steady_timer>(io);
  return asio::async_compose<Token, void(error_code)>(
      [timer, &seen, step = 0](auto& self, error_code = {}) mutable {
        seen.push_back(CarriedNow());
        if (++step == 3) return self.complete({});
        timer->expires_after(std::chrono::milliseconds(1));
        timer->async_wait(std::move(self));
      },
      token, io);
}

TEST_CASE("the intermediate handlers of a composed operation carry what the final one carries") {
  Io io;
  Seen seen;
  {
    const podo::ScopedLabels scope{{"endpoint", "/pay"}};
    AsyncSteps(io, seen, podo::CarryContext([&](error_code) { seen.push_back(CarriedNow()); }));
  }
  RunOnAnotherThread(io);
  CHECK(seen == Seen(4, "endpoint=/pay"));
}

TEST_CASE("other completion tokens work in CarryContext") {
  Io io;
  Seen seen;
  std::future<void> done;
  {
    const podo::ScopedLabels scope{{"endpoint", "/pay"}};
    done = AsyncSteps(io, seen, podo::CarryContext(asio::use_future));
  }
  RunOnAnotherThread(io);
  done.get();
  CHECK(seen == Seen(3, "endpoint=/pay"));
}

TEST_CASE("a span goes along, and what the running thread carried comes back") {
  Io io;
  const uint8_t trace_id[16] = {1}, span_id[8] = {2};
  std::string in_handler;
  {
    const podo::ScopedSpan span(trace_id, span_id, "checkout");
    post(io, podo::CarryContext([&] { in_handler = CarriedNow(); }));
  }
  const podo::ScopedLabels scope{{"own", "1"}};
  io.run();
  CHECK(in_handler == "span span_name=checkout");
  CHECK(CarriedNow() == "own=1");
}

TEST_CASE("an exception in a handler leaves the thread as it was") {
  Io io;
  {
    const podo::ScopedLabels scope{{"endpoint", "/pay"}};
    post(podo::CarryContext(io), [] {
      const podo::ScopedLabels inner{{"step", "throwing"}};
      throw 1;
    });
  }
  CHECK_THROWS_AS(io.run(), int);
  CHECK(CarriedNow() == "");
}

TEST_CASE(
    "handlers on a strand of a carrying executor carry nothing, rather than their neighbour's") {
  Io io;
  Seen seen;
  auto strand = make_strand(podo::CarryContext(io));
  {
    const podo::ScopedLabels scope{{"endpoint", "first"}};
    post(strand, [&] { seen.push_back(CarriedNow()); });
  }
  {
    const podo::ScopedLabels scope{{"endpoint", "second"}};
    post(strand, [&] { seen.push_back(CarriedNow()); });
    post(strand, podo::CarryContext([&] { seen.push_back(CarriedNow()); }));
  }
  RunOnAnotherThread(io);
  CHECK(seen == Seen{"", "", "endpoint=second"});
}

TEST_CASE(
    "a scope kept alive by a handler ends there, and the thread that opened it is not fooled") {
  Io io;
  std::string in_handler;
  auto scope = std::make_shared<podo::ScopedLabels>(
      std::initializer_list<podo::Label>{{"endpoint", "/pay"}});
  post(io, podo::CarryContext([scope, &in_handler]() mutable {
         in_handler = CarriedNow();
         scope.reset();
       }));
  scope.reset();
  RunOnAnotherThread(io);
  CHECK(in_handler == "endpoint=/pay");
  CHECK(CarriedNow() == "");
  const podo::ScopedLabels next{{"endpoint", "/next"}};
  CHECK(CarriedNow() == "endpoint=/next");
}

template <class T>
struct CountingAllocator {
  using value_type = T;
  int* count;
  explicit CountingAllocator(int* c) : count(c) {}
  template <class U>
  explicit CountingAllocator(const CountingAllocator<U>& other) : count(other.count) {}
  T* allocate(size_t n) {
    ++*count;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, size_t n) { std::allocator<T>().deallocate(p, n); }
  template <class U>
  bool operator==(const CountingAllocator<U>& other) const {
    return count == other.count;
  }
  template <class U>
  bool operator!=(const CountingAllocator<U>& other) const {
    return count != other.count;
  }
};
struct AllocatingHandler {
  using allocator_type = CountingAllocator<char>;
  int* count;
  allocator_type get_allocator() const noexcept { return allocator_type(count); }
  void operator()() const {}
};

TEST_CASE("the handler's allocator stays its allocator") {
  Io io;
  int allocations = 0;
  post(io, podo::CarryContext(AllocatingHandler{&allocations}));
  CHECK(allocations > 0);
  io.run();
}

TEST_CASE("a thread pool of one's own takes a function with its context") {
  std::function<std::string(int)> task;
  {
    const podo::ScopedLabels scope{{"endpoint", "/pay"}};
    task = podo::WithContext([](int n) { return CarriedNow() + "," + std::to_string(n); });
  }
  std::string seen;
  std::thread([&] {
    seen = task(7);
    CHECK(CarriedNow() == "");
  }).join();
  CHECK(seen == "endpoint=/pay,7");
}

TEST_CASE("handlers that never run leave nothing behind") {
  {
    Io io;
    const podo::ScopedLabels scope{{"endpoint", "/pay"}};
    post(io, podo::CarryContext([] {}));
    asio::steady_timer timer(podo::CarryContext(io), std::chrono::hours(1));
    timer.async_wait([](error_code) {});
  }
  CHECK(CarriedNow() == "");
}

TEST_CASE("a thread_pool and a polymorphic executor carry as an io_context does") {
  asio::thread_pool pool(2);
  std::string from_pool, from_any;
  {
    const podo::ScopedLabels scope{{"endpoint", "/pay"}};
    post(podo::CarryContext(pool), [&] { from_pool = CarriedNow(); });
    asio::any_io_executor any = pool.get_executor();
    post(podo::CarryContext(any), [&] { from_any = CarriedNow(); });
  }
  pool.join();
  CHECK(from_pool == "endpoint=/pay");
  CHECK(from_any == "endpoint=/pay");
}

}  // namespace
