// SPDX-License-Identifier: Apache-2.0
// Labels on stackful fibers: a carrier around every switch.
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <cstdio>
#include <utility>

#include "podo/context.h"
#include "podo/podo.h"

namespace context = boost::context;

namespace {

double Harmonic(long terms) {
  double sum = 0;
  for (long i = 1; i <= terms; ++i) sum += 1.0 / static_cast<double>(i);
  return sum;
}

// Tells podo where the fiber's stack is, so that its samples hold all of it.
class KnownStack {
 public:
  explicit KnownStack(podo::Carrier* carrier) : carrier_(carrier) {}
  context::stack_context allocate() {
    context::stack_context stack = stacks_.allocate();
    // `sp` is the upper end: stacks grow down.
    carrier_->SetStack(static_cast<char*>(stack.sp) - stack.size, stack.size);
    return stack;
  }
  void deallocate(context::stack_context& stack) { stacks_.deallocate(stack); }

 private:
  podo::Carrier* carrier_;
  context::fixedsize_stack stacks_{256 * 1024};
};

// A fiber and what it carries, which begins with what its creator carries.
class Fiber {
 public:
  template <class Function>
  explicit Fiber(Function function)
      : fiber_(std::allocator_arg, KnownStack(&carrier_), std::move(function)) {}

  // On any thread, one at a time.
  bool Resume() {
    podo::ScopedCarrier running(carrier_);
    fiber_ = std::move(fiber_).resume();
    return static_cast<bool>(fiber_);
  }

 private:
  podo::Carrier carrier_;
  context::fiber fiber_;
};

context::fiber Pay(context::fiber&& scheduler) {
  podo::ScopedLabels endpoint{{"endpoint", "/pay"}};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    sum += Harmonic(10'000'000);
    scheduler = std::move(scheduler).resume();  // the scope stays open meanwhile
  }
  std::printf("%f\n", sum);
  return std::move(scheduler);
}

}  // namespace

int main() {
  podo::Start();
  Fiber a(Pay), b(Pay);
  bool more = true;
  while (more) {
    more = a.Resume();
    more = b.Resume() || more;
  }
}
