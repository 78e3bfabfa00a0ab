// SPDX-License-Identifier: Apache-2.0
// Endpoints on several threads, handed over in every way, with CPU shares known by the CPU clock.
//
//   labels_truth threads|handlers|executor|coroutines|fibers|coroutine2|ucontext CPU-SECONDS
#include <ucontext.h>

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#if defined(LABELS_BOOST_CONTEXT)
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <boost/coroutine2/coroutine.hpp>
#endif
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "burn.h"
#include "podo/asio.h"
#include "podo/podo.h"

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr int kThreads = 4;
constexpr int kChains = 6;  // more than threads, so that work moves
uint64_t g_enough_ns;       // of CPU time
Clock::time_point g_latest;

bool Over() { return CpuNs() >= g_enough_ns || Clock::now() >= g_latest; }

template <class Function>
void OnThreads(int threads, const Function& function) {
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i) pool.emplace_back([&function, i] { function(i); });
  for (std::thread& thread : pool) thread.join();
}

void Threads() {
  OnThreads(kThreads, [](int n) {
    Choice choice(static_cast<unsigned>(n));
    while (!Over()) {
      const int endpoint = choice.Endpoint();
      const podo::ScopedLabels scope(LabelsOf(endpoint));
      kBurns[endpoint](choice.Ns());
    }
  });
}

// Every step opens a scope, hands the next endpoint's work over, and burns for its own meanwhile.
class Chain : public std::enable_shared_from_this<Chain> {
 public:
  Chain(asio::io_context& io, unsigned seed, bool by_executor)
      : io_(io), by_executor_(by_executor), choice_(seed) {}

  void Next() {
    if (Over()) return;
    const int endpoint = choice_.Endpoint();
    const uint64_t ns = choice_.Ns();
    auto work = [self = shared_from_this(), endpoint, ns](boost::system::error_code = {}) {
      kBurns[endpoint](ns);  // labelled by what was carried only
      self->Next();
    };
    const podo::ScopedLabels scope(LabelsOf(endpoint));
    if (by_executor_) {
      ByExecutor(std::move(work));
    } else {
      ByHandler(podo::CarryContext(std::move(work)));
    }
  }

 private:
  template <class Work>
  void ByHandler(Work work) {
    switch (way_++ % 4) {
      case 0:
        return asio::post(io_, std::move(work));
      case 1:
        return asio::dispatch(strand_, std::move(work));
      case 2:
        return asio::defer(io_, std::move(work));
      default:
        timer_.expires_after(std::chrono::microseconds(100));
        return timer_.async_wait(std::move(work));
    }
  }
  template <class Work>
  void ByExecutor(Work work) {
    switch (way_++ % 4) {
      case 0:
        return asio::post(podo::CarryContext(io_), std::move(work));
      case 1:
        return asio::post(podo::CarryContext(strand_), std::move(work));
      case 2:
        return asio::defer(any_, std::move(work));
      default:
        carrying_timer_.expires_after(std::chrono::microseconds(100));
        return carrying_timer_.async_wait(std::move(work));
    }
  }

  asio::io_context& io_;
  const bool by_executor_;
  Choice choice_;
  unsigned way_ = 0;
  asio::strand<asio::io_context::executor_type> strand_{asio::make_strand(io_)};
  asio::steady_timer timer_{strand_};
  asio::any_io_executor any_{podo::CarryContext(io_)};
  asio::steady_timer carrying_timer_{podo::CarryContext(strand_)};
};

void Chains(bool by_executor) {
  asio::io_context io;
  for (unsigned n = 0; n < kChains; ++n) std::make_shared<Chain>(io, n, by_executor)->Next();
  OnThreads(kThreads, [&io](int) { io.run(); });
}

#if defined(BOOST_ASIO_HAS_CO_AWAIT)
asio::awaitable<void> Part(int endpoint, uint64_t ns) {
  co_await asio::post(asio::use_awaitable);
  kBurns[endpoint](ns);  // the caller's scope
}

asio::awaitable<void> Requests(unsigned seed) {
  Choice choice(seed);
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (!Over()) {
    const int endpoint = choice.Endpoint();
    const podo::ScopedLabels scope(LabelsOf(endpoint));
    kBurns[endpoint](choice.Ns() / 2);
    co_await Part(endpoint, choice.Ns());
    timer.expires_after(std::chrono::microseconds(100));
    co_await timer.async_wait(asio::use_awaitable);
    kBurns[endpoint](choice.Ns() / 2);
  }
}

void Coroutines() {
  asio::io_context io;
  for (unsigned n = 0; n < kChains; ++n) {
    co_spawn(podo::CarryContext(io), Requests(n), asio::detached);
  }
  OnThreads(kThreads, [&io](int) { io.run(); });
}
#else
void Coroutines() { std::puts("missing coroutines"); }
#endif

// Each thread switches between fibers of its own, and passes them on to the next thread.
template <class Fiber>
void RunFibers() {
  struct Parked {
    std::atomic<Fiber*> fiber{nullptr};
  };
  std::vector<Parked> parked(kChains);
  std::vector<std::unique_ptr<Fiber>> fibers;
  for (unsigned n = 0; n < kChains; ++n) {
    fibers.push_back(std::make_unique<Fiber>(n));
    parked[n].fiber = fibers[n].get();
  }
  std::atomic<int> alive{kChains};
  OnThreads(kThreads, [&](int) {
    for (unsigned i = 0; alive > 0; ++i) {
      std::atomic<Fiber*>& place = parked[i % kChains].fiber;
      Fiber* fiber = place.exchange(nullptr);
      if (fiber == nullptr) {
        std::this_thread::yield();
        continue;
      }
      if (fiber->Resume()) {
        place = fiber;
      } else {
        --alive;
      }
    }
  });
}

template <class Yield>
void FiberBody(unsigned seed, const Yield& yield) {
  Choice choice(seed);
  while (!Over()) {
    const int endpoint = choice.Endpoint();
    const podo::ScopedLabels scope(LabelsOf(endpoint));
    kBurns[endpoint](choice.Ns());
    yield();
    kBurns[endpoint](choice.Ns());
  }
}

constexpr size_t kStackBytes = 256 * 1024;

#if defined(LABELS_BOOST_CONTEXT)
// A stack whose place podo is told.
struct KnownStack {
  podo::Carrier* carrier;
  boost::context::fixedsize_stack stacks;
  boost::context::stack_context allocate() {
    boost::context::stack_context stack = boost::context::fixedsize_stack(kStackBytes).allocate();
    carrier->SetStack(static_cast<char*>(stack.sp) - stack.size, stack.size);
    return stack;
  }
  void deallocate(boost::context::stack_context& stack) { stacks.deallocate(stack); }
};

class BoostFiber {
 public:
  explicit BoostFiber(unsigned seed)
      : fiber_(std::allocator_arg, KnownStack{&carrier_, {}}, [seed](boost::context::fiber&& from) {
          FiberBody(seed, [&from] { from = std::move(from).resume(); });
          return std::move(from);
        }) {}
  bool Resume() {
    const podo::ScopedCarrier running(carrier_);
    fiber_ = std::move(fiber_).resume();
    return static_cast<bool>(fiber_);
  }

 private:
  podo::Carrier carrier_;
  boost::context::fiber fiber_;
};
void Fibers() { RunFibers<BoostFiber>(); }

// A boost::coroutine2 that gives up its turn by asking for the next value.
class Coroutine2 {
 public:
  explicit Coroutine2(unsigned seed)
      : coroutine_(KnownStack{&carrier_, {}},
                   [seed](Turns::pull_type& turns) { FiberBody(seed, [&turns] { turns(); }); }) {}
  bool Resume() {
    const podo::ScopedCarrier running(carrier_);
    coroutine_(0);
    return static_cast<bool>(coroutine_);
  }

 private:
  using Turns = boost::coroutines2::coroutine<int>;
  podo::Carrier carrier_;
  Turns::push_type coroutine_;
};
void Coroutines2() { RunFibers<Coroutine2>(); }
#else
void Fibers() { std::puts("missing libboost-context-dev"); }
void Coroutines2() { Fibers(); }
#endif

class UcontextFiber {
 public:
  explicit UcontextFiber(unsigned seed) : stack_(new char[kStackBytes]), seed_(seed) {
    carrier_.SetStack(stack_.get(), kStackBytes);
    getcontext(&own_);
    own_.uc_stack.ss_sp = stack_.get();
    own_.uc_stack.ss_size = kStackBytes;
    own_.uc_link = nullptr;
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&own_, reinterpret_cast<void (*)()>(&Entry), 2, static_cast<unsigned>(self >> 32),
                static_cast<unsigned>(self));
  }
  bool Resume() {
    const podo::ScopedCarrier running(carrier_);
    swapcontext(&caller_, &own_);
    return !done_;
  }

 private:
  static void Entry(unsigned high, unsigned low) {
    auto* self = reinterpret_cast<UcontextFiber*>(uintptr_t{high} << 32 | low);
    FiberBody(self->seed_, [self] { swapcontext(&self->own_, &self->caller_); });
    self->done_ = true;
    swapcontext(&self->own_, &self->caller_);
  }
  podo::Carrier carrier_;
  std::unique_ptr<char[]> stack_;
  ucontext_t own_ = {}, caller_ = {};
  unsigned seed_;
  bool done_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view way = argv[1];
  if (!podo::Start().ok()) return 3;
  g_enough_ns = static_cast<uint64_t>(1e9 * std::atof(argv[2]));
  g_latest = Clock::now() + 20 * std::chrono::nanoseconds(g_enough_ns);
  if (way == "threads") Threads();
  if (way == "handlers") Chains(false);
  if (way == "executor") Chains(true);
  if (way == "coroutines") Coroutines();
  if (way == "fibers") Fibers();
  if (way == "coroutine2") Coroutines2();
  if (way == "ucontext") RunFibers<UcontextFiber>();
  PrintCpu();
  std::printf("misplaced %llu\n",
              static_cast<unsigned long long>(podo::GetStats().misplaced_scopes));
}
