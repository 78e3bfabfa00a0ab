// SPDX-License-Identifier: Apache-2.0
#include "context/scope.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "carried.h"
#include "podo/context.h"

namespace podo::context {
namespace {

constexpr uint8_t kTrace[16] = {7, 1, 2, 3};
constexpr uint8_t kOtherTrace[16] = {8};
constexpr uint8_t kSpan[8] = {9};

TEST_CASE("labels hold inside their scope, the innermost wins, and what was before comes back") {
  const Labels pay{{"endpoint", "/pay"}, {"tier", "gold"}};
  CHECK(Carried() == "");
  {
    const ScopedLabels outer{{"tenant", "acme"}, {"tier", "none"}};
    CHECK(Carried() == "tenant=acme tier=none");
    {
      const ScopedLabels inner(pay);
      CHECK(Carried() == "endpoint=/pay tenant=acme tier=gold");
      const ScopedLabels again{{"endpoint", "/cart"}};
      CHECK(Carried() == "endpoint=/cart tenant=acme tier=gold");
    }
    CHECK(Carried() == "tenant=acme tier=none");
  }
  CHECK(Carried() == "");
}

TEST_CASE("equal labels are one set, however they are entered") {
  const Labels prepared{{"same", "set"}};
  const ScopedLabels a(prepared);
  const uint32_t id = model::tls_thread_slot->labels.load()->id;
  std::thread([id] {
    const ScopedLabels b{{"same", "set"}};
    CHECK(model::tls_thread_slot->labels.load()->id == id);
  }).join();
}

TEST_CASE("prepared labels under different outer ones give each their sum") {
  const Labels inner{{"inner", "1"}};
  for (const char* outer : {"a", "b", "a", "c"}) {
    const ScopedLabels first{{"outer", outer}};
    const ScopedLabels second(inner);
    CHECK(Carried() == std::string("inner=1 outer=") + outer);
  }
}

TEST_CASE("labels that were destroyed go on in the scopes that are open") {
  auto labels = std::make_unique<Labels>(std::initializer_list<Label>{{"short", "lived"}});
  const ScopedLabels scope(*labels);
  labels.reset();
  CHECK(Carried() == "short=lived");
}

TEST_CASE("what is too long is cut, what is empty is left out, and bytes stay bytes") {
  const std::string long_key(200, 'k'), long_value(400, 'v');
  {
    const ScopedLabels scope{{long_key, long_value}, {"", "no key"}, {"no value", ""}};
    CHECK(Carried() == std::string(128, 'k') + "=" + std::string(256, 'v') + " no value=");
  }
  {
    const ScopedLabels none{{"", "x"}};
    CHECK(Carried() == "");
  }
  const ScopedLabels null_text(nullptr, 3);
  CHECK(Carried() == "");
  CHECK(CountLabels().cut);
}

TEST_CASE("a span brings its ids and its name, nests, and leaves the labels alone") {
  const ScopedLabels scope{{"endpoint", "/x"}};
  {
    const ScopedSpan outer(kTrace, kSpan, "GET /x");
    CHECK(CarriedTrace() == 7);
    CHECK(Carried() == "endpoint=/x span_name=GET /x");
    {
      const ScopedSpan inner(kOtherTrace, kSpan);
      CHECK(CarriedTrace() == 8);
    }
    CHECK(CarriedTrace() == 7);
    CHECK(model::tls_thread_slot->span[2].load() == 9);
  }
  CHECK(CarriedTrace() == 0);
  CHECK(Carried() == "endpoint=/x");
  const ScopedSpan nothing(nullptr, kSpan);
  CHECK(CarriedTrace() == 0);
}

TEST_CASE("pauses count") {
  const auto paused = [] { return model::tls_thread_slot->paused.load(); };
  const ScopedLabels slot_first{{"a", "b"}};
  CHECK(paused() == 0);
  {
    const ScopedPause one;
    const ScopedPause two;
    CHECK(paused() == 2);
  }
  CHECK(paused() == 0);
}

TEST_CASE("a scope left on another thread restores nothing there and is void on its own") {
  const uint64_t before = MisplacedScopes();
  auto scope = std::make_unique<ScopedLabels>(std::initializer_list<Label>{{"moved", "yes"}});
  CHECK(Carried() == "moved=yes");
  std::thread([&] {
    const ScopedLabels own{{"own", "labels"}};
    scope.reset();
    CHECK(Carried() == "own=labels");
  }).join();
  CHECK(MisplacedScopes() == before + 1);
  CHECK(Carried() == "");  // rather than labels that nobody would ever take away
  const ScopedLabels next{{"next", "one"}};
  CHECK(Carried() == "next=one");
}

TEST_CASE("scopes left out of turn leave no labels behind") {
  const uint64_t before = MisplacedScopes();
  {
    std::optional<ScopedLabels> first, second;
    first.emplace(std::initializer_list<Label>{{"first", "1"}});
    second.emplace(std::initializer_list<Label>{{"second", "2"}});
    first.reset();
    CHECK(Carried() == "");
    second.reset();
  }
  CHECK(Carried() == "");
  CHECK(MisplacedScopes() == before + 2);
  const ScopedLabels next{{"next", "one"}};
  CHECK(Carried() == "next=one");
}

TEST_CASE("a thread that ends inside a scope gives its slot to a later one, clean") {
  for (int i = 0; i < 300; ++i) {
    std::thread([i] {
      CHECK(Carried() == "");
      // Never left: as if the thread had been ended inside.
      alignas(podo_scope) static thread_local podo_scope scope;
      const std::string value = std::to_string(i % 7);
      const Label label("thread", value);
      podo_labels_enter_new(&scope, &label, 1);
      CHECK(Carried() == "thread=" + value);
    }).join();
  }
  int taken = 0;
  ReclaimSlots();
  ForEachSlot([&](const model::ThreadSlot&) { ++taken; });
  CHECK(taken <= 2);  // this thread's, and nobody's who is gone
}

}  // namespace
}  // namespace podo::context
