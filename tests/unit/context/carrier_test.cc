// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <optional>
#include <thread>

#include "carried.h"
#include "context/scope.h"
#include "podo/context.h"

namespace podo::context {
namespace {

constexpr uint8_t kTrace[16] = {5};
constexpr uint8_t kSpan[8] = {6};

TEST_CASE("a captured context is resumed on another thread, and replaces what that one carries") {
  Context context;
  CHECK(!context);
  {
    const ScopedLabels labels{{"endpoint", "/pay"}};
    const ScopedSpan span(kTrace, kSpan);
    context = Context::Capture();
  }
  CHECK(context);
  std::thread([context] {
    const ScopedLabels own{{"thread", "pool"}};
    {
      const ScopedContext scope(context);
      CHECK(Carried() == "endpoint=/pay");
      CHECK(CarriedTrace() == 5);
      const ScopedLabels more{{"step", "1"}};
      CHECK(Carried() == "endpoint=/pay step=1");
    }
    CHECK(Carried() == "thread=pool");
    CHECK(CarriedTrace() == 0);
    {
      const ScopedContext nothing{Context()};
      CHECK(Carried() == "");
    }
    CHECK(Carried() == "thread=pool");
  }).join();
}

TEST_CASE("a thread that carries nothing captures nothing, and resumes nothing without a slot") {
  std::thread([] {
    CHECK(!Context::Capture());
    const ScopedContext scope{Context()};
    CHECK(model::tls_thread_slot == nullptr);
  }).join();
}

TEST_CASE("a scope opened under a carrier on one thread is left on another") {
  const uint64_t before = MisplacedScopes();
  Carrier carrier;
  std::optional<ScopedLabels> scope;
  std::optional<ScopedSpan> span;
  {
    const ScopedLabels own{{"thread", "main"}};
    const ScopedCarrier mounted(carrier);
    CHECK(mounted.mounted());
    CHECK(Carried() == "");
    scope.emplace(std::initializer_list<Label>{{"coroutine", "1"}});
    span.emplace(kTrace, kSpan);
  }
  CHECK(Carried() == "");
  std::thread([&] {
    const ScopedLabels own{{"thread", "other"}};
    {
      const ScopedCarrier mounted(carrier);
      CHECK(Carried() == "coroutine=1");
      CHECK(CarriedTrace() == 5);
      span.reset();
      CHECK(CarriedTrace() == 0);
    }
    CHECK(Carried() == "thread=other");
    {
      const ScopedCarrier mounted(carrier);
      CHECK(Carried() == "coroutine=1");
      scope.reset();
      CHECK(Carried() == "");
    }
    CHECK(Carried() == "thread=other");
  }).join();
  CHECK(MisplacedScopes() == before);
}

TEST_CASE("a carrier begins with what its maker carries") {
  const ScopedLabels labels{{"endpoint", "/cart"}};
  Carrier carrier;
  std::thread([&] {
    const ScopedCarrier mounted(carrier);
    CHECK(Carried() == "endpoint=/cart");
  }).join();
}

TEST_CASE("a carrier is mounted on one thread at a time; the second try changes nothing") {
  Carrier carrier;
  const ScopedCarrier mounted(carrier);
  REQUIRE(mounted.mounted());
  std::thread([&] {
    const ScopedLabels own{{"thread", "second"}};
    const ScopedCarrier again(carrier);
    CHECK(!again.mounted());
    CHECK(Carried() == "thread=second");
  }).join();
}

TEST_CASE("carriers nest, as fibers that switch to fibers do, each with its stack") {
  Carrier outer, inner;
  outer.SetStack(reinterpret_cast<void*>(0x1000), 0x2000);
  inner.SetStack(reinterpret_cast<void*>(0x9000), 0x1000);
  const auto top = [] { return model::tls_thread_slot->fiber_hi.load(); };
  {
    const ScopedCarrier first(outer);
    CHECK(top() == 0x3000);
    const ScopedLabels label{{"fiber", "outer"}};
    {
      const ScopedCarrier second(inner);
      CHECK(top() == 0xA000);
      CHECK(Carried() == "");
    }
    CHECK(top() == 0x3000);
    CHECK(Carried() == "fiber=outer");
  }
  CHECK(top() == 0);
  CHECK(Carried() == "");
}

TEST_CASE("an unmount on another thread is counted and leaves the carrier where it is") {
  const uint64_t before = MisplacedScopes();
  podo_carrier* carrier = podo_carrier_create();
  podo_scope scope, second;
  REQUIRE(podo_carrier_mount(&scope, carrier) == 1);
  std::thread([&] { podo_carrier_unmount(&scope, carrier); }).join();
  CHECK(MisplacedScopes() == before + 1);
  CHECK(podo_carrier_mount(&second, carrier) == 0);
  podo_carrier_unmount(&scope, carrier);
  CHECK(podo_carrier_mount(&second, carrier) == 1);
  podo_carrier_unmount(&second, carrier);
  podo_carrier_destroy(carrier);
}

TEST_CASE("scopes of a coroutine that is destroyed while suspended are counted and void") {
  const uint64_t before = MisplacedScopes();
  std::optional<ScopedLabels> scope;
  {
    Carrier carrier;
    const ScopedCarrier mounted(carrier);
    scope.emplace(std::initializer_list<Label>{{"coroutine", "dead"}});
  }
  const ScopedLabels own{{"thread", "main"}};
  scope.reset();
  CHECK(Carried() == "thread=main");
  CHECK(MisplacedScopes() == before + 1);
}

}  // namespace
}  // namespace podo::context
