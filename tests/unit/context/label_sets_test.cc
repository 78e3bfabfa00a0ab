// SPDX-License-Identifier: Apache-2.0
#include "context/label_sets.h"

#include <doctest/doctest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "carried.h"
#include "podo/context.h"

namespace podo::context {
namespace {

uint32_t EnterOnce(const std::string& key, const std::string& value) {
  const ScopedLabels scope{{key, value}};
  return model::tls_thread_slot->labels.load()->id;
}

// Room for `more` sets beyond those of other test cases, which share the process.
struct Room {
  explicit Room(uint32_t more) { SetLimit(static_cast<uint32_t>(CountLabels().sets) + more); }
  ~Room() { SetLimit(kDefaultLabelSets); }
};

void Rounds(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) Recycle();
}

TEST_CASE("past the limit new sets become __overflow__, keep their keys, and are counted") {
  const Room room(10);
  for (int i = 0; i < 10; ++i) EnterOnce("user", std::to_string(i));
  const uint64_t before = CountLabels().overflow;
  const ScopedLabels scope{{"user", "too many"}, {"x", "y"}};
  CHECK(Carried() == "user=__overflow__ x=__overflow__");
  CHECK(CountLabels().overflow == before + 1);
  std::set<uint32_t> ids;
  for (int i = 0; i < 100'000; ++i) ids.insert(EnterOnce("user", std::to_string(1000 + i)));
  CHECK(ids.size() == 1);
  CHECK(CountLabels().overflow == before + 100'001);
}

TEST_CASE("even keys without end are one set at last, and memory stays bounded") {
  const Room room(0);
  const uint64_t sets = CountLabels().sets;
  std::set<uint32_t> ids;
  for (int i = 0; i < 20'000; ++i) ids.insert(EnterOnce("key" + std::to_string(i), "v"));
  CHECK(ids.size() < 2'000);
  CHECK(CountLabels().sets < sets + 2'000);
  CHECK(LabelsOf(EnterOnce("one more key", "v")).front().first == kOverflow);
}

TEST_CASE(
    "a set nobody uses gives its id back, but not while it has a holder, a thread or samples") {
  Rounds(2 * kQuietRounds + 2);
  const Room room(8);  // so that more than half is used
  const Labels held{{"held", "by Labels"}};
  const uint32_t held_id = EnterOnce("held", "by Labels");
  const uint32_t sampled = EnterOnce("sampled", "now");
  const uint32_t idle = EnterOnce("idle", "1");
  std::atomic<bool> stop{false}, inside{false};
  std::atomic<uint32_t> occupied{0};
  std::thread other([&] {
    const ScopedLabels outer{{"outer", "of a long one"}};
    const ScopedLabels scope{{"inside", "a thread"}};
    occupied = model::tls_thread_slot->labels.load()->id;
    inside = true;
    while (!stop) std::this_thread::yield();
  });
  while (!inside) std::this_thread::yield();
  for (uint32_t i = 0; i < 3 * kQuietRounds; ++i) {
    NoteSample(sampled);
    Recycle();
  }
  CHECK(LabelsOf(held_id).front().second == "by Labels");
  CHECK(LabelsOf(sampled).front().second == "now");
  CHECK(LabelsOf(occupied).size() == 2);
  CHECK(LabelsOf(idle).empty());
  // The memory of `idle` names something else now.
  const uint32_t next = EnterOnce("next", "one");
  CHECK(LabelsOf(next).front().second == "one");
  CHECK(LabelsOf(sampled).front().second == "now");
  stop = true;
  other.join();
}

TEST_CASE("sets come and go under eight threads at once and every thread sees its own labels") {
  const Room room(200);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> wrong{0}, entered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 0; !stop; ++i) {
        const std::string value = std::to_string(t) + ":" + std::to_string(i % 1000);
        const ScopedLabels scope{{"thread", value}};
        const auto* set = static_cast<const LabelSet*>(model::tls_thread_slot->labels.load());
        // The set is in this slot: nobody may write it.
        const std::string text(set->text, set->text_bytes);
        const bool own = text.find(value) != std::string::npos;
        wrong += !own && text.find(kOverflow) == std::string::npos;
        ++entered;
      }
    });
  }
  for (int i = 0; i < 400; ++i) {
    Recycle();
    std::this_thread::yield();
  }
  while (entered < 100'000) std::this_thread::yield();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace podo::context
