// SPDX-License-Identifier: Apache-2.0
#include "context/thread_record.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "podo/context.h"

namespace podo::context {
namespace {

// The attributes of the record this thread shows, as readers of OTEP 4947 take them apart.
std::string Shown(const void* shown) {
  const auto* record = static_cast<const model::ThreadRecord*>(shown);
  if (record == nullptr) return "nothing";
  if (record->head.valid != 1) return "invalid";
  const std::vector<std::string> keys = RecordKeys();
  std::string text = "trace " + std::to_string(record->head.trace_id[0]);
  for (uint16_t at = 0; at < record->head.attrs_size;) {
    const uint8_t key = record->attrs[at], size = record->attrs[at + 1];
    text += " " + keys[key] + "=" +
            std::string(reinterpret_cast<const char*>(&record->attrs[at + 2]), size);
    at = static_cast<uint16_t>(at + 2 + size);
  }
  return text;
}

struct Publishing {
  Publishing() { g_publishes = true; }
  ~Publishing() { g_publishes = false; }
};

TEST_CASE(
    "the thread's record says its labels and its span, and what was there before comes back") {
  const Publishing publishing;
  static const char kTracersOwn[640] = {};
  podo_thread_ctx = kTracersOwn;
  constexpr uint8_t kTrace[16] = {42};
  constexpr uint8_t kSpan[8] = {1};
  {
    const ScopedLabels outer{{"endpoint", "/pay"}, {"tenant", "acme"}};
    CHECK(Shown(podo_thread_ctx) == "trace 0 endpoint=/pay tenant=acme");
    {
      const ScopedSpan span(kTrace, kSpan);
      CHECK(Shown(podo_thread_ctx) == "trace 42 endpoint=/pay tenant=acme");
      const ScopedLabels inner{{"tenant", "other"}};
      CHECK(Shown(podo_thread_ctx) == "trace 42 tenant=other endpoint=/pay");
    }
    CHECK(Shown(podo_thread_ctx) == "trace 0 endpoint=/pay tenant=acme");
  }
  CHECK(podo_thread_ctx == kTracersOwn);
  podo_thread_ctx = nullptr;
}

TEST_CASE("a record stays within the size the OTEP advises") {
  const Publishing publishing;
  const std::string value(255, 'v');
  const ScopedLabels scope{{"a", value}, {"b", value}, {"c", value}, {"d", "short"}};
  CHECK(Shown(podo_thread_ctx) == "trace 0 a=" + value + " b=" + value + " d=short");
}

TEST_CASE("without a wish to publish nothing is shown") {
  const ScopedLabels scope{{"a", "b"}};
  CHECK(Shown(podo_thread_ctx) == "nothing");
}

}  // namespace
}  // namespace podo::context
