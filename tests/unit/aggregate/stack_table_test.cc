// SPDX-License-Identifier: Apache-2.0
#include "aggregate/stack_table.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

namespace podo::aggregate {
namespace {

model::RawSample Sample(const std::vector<uint64_t>& frames, uint16_t flags = model::kRawComplete,
                        uint32_t generation = 1, uint32_t label_set = 0) {
  model::RawSample s = {};
  s.header.frames = static_cast<uint16_t>(frames.size());
  s.header.flags = flags;
  s.header.generation = generation;
  s.header.label_set = label_set;
  s.frames = frames.data();
  return s;
}

TEST_CASE("equal samples count together, samples that differ in anything stay apart") {
  StackTable table(1 << 20);
  const std::vector<uint64_t> a = {1, 2, 3}, b = {1, 2}, c = {3, 2, 1};
  for (int i = 0; i < 3; ++i) table.Add(Sample(a));
  table.Add(Sample(b));
  table.Add(Sample(c));
  table.Add(Sample(a, model::kRawTruncated));
  table.Add(Sample(a, model::kRawComplete, 2));
  table.Add(Sample(a, model::kRawComplete, 1, 9));
  CHECK(table.size() == 6);
  CHECK(table.total() == 8);
  CHECK(table.entry(0).count == 3);
  CHECK(table.frames(table.entry(2))[0] == 3);
}

TEST_CASE("a hundred thousand stacks survive every growth of the table") {
  StackTable table(64 << 20);
  constexpr uint64_t kStacks = 100'000;
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 0; i < kStacks; ++i) table.Add(Sample({i, i * 3, 5}));
  }
  REQUIRE(table.size() == kStacks);
  bool right = true;
  for (uint64_t i = 0; i < kStacks; ++i) {
    const StackTable::Entry& e = table.entry(i);
    right = right && e.count == 2 && table.frames(e)[0] == i && table.frames(e)[1] == i * 3;
  }
  CHECK(right);
}

TEST_CASE("past its cap the table counts what it cannot keep and still counts what it knows") {
  StackTable table(64 << 10);
  uint64_t i = 0;
  while (table.overflow() == 0) table.Add(Sample({++i, 1, 2, 3, 4, 5, 6, 7}));
  const size_t kept = table.size();
  table.Add(Sample({1, 1, 2, 3, 4, 5, 6, 7}));  // known
  CHECK(table.size() == kept);
  CHECK(table.overflow() == 1);
  CHECK(table.entry(0).count == 2);
  CHECK(table.total() == i + 1);
}

TEST_CASE("a cleared table is empty and works as a new one") {
  StackTable table(8 << 20);
  for (uint64_t i = 0; i < 20'000; ++i) table.Add(Sample({i, 2, 3, 4}));
  table.Clear();
  CHECK(table.size() == 0);
  CHECK(table.total() == 0);
  table.Add(Sample({7}));
  table.Add(Sample({7}));
  REQUIRE(table.size() == 1);
  CHECK(table.entry(0).count == 2);
  CHECK(table.frames(table.entry(0))[0] == 7);
}

TEST_CASE("samples of other spans and other threads stay apart and keep their ids") {
  StackTable table(1 << 20);
  const auto add = [&](uint64_t span, uint32_t thread) {
    const std::vector<uint64_t> words = {1, 2, span, 70, 80};  // the span's ids, then the frames
    model::RawSample s = Sample({70, 80}, model::kRawComplete | model::kRawSpan);
    s.frames = words.data() + model::kSpanWords;
    s.thread = thread;
    table.Add(s);
  };
  add(5, 1);
  add(5, 1);
  add(6, 1);
  add(5, 2);
  table.Add(Sample({70, 80}));
  REQUIRE(table.size() == 4);
  CHECK(table.entry(0).count == 2);
  CHECK(table.span(table.entry(1))[2] == 6);
  CHECK(table.frames(table.entry(1))[0] == 70);
  CHECK(table.entry(2).thread == 2);
  CHECK(table.span(table.entry(3)) == nullptr);
  CHECK(table.frames(table.entry(3))[1] == 80);
}

TEST_CASE("a stack without frames is a stack") {
  StackTable table(1 << 20);
  table.Add(Sample({}, model::kRawReusedAddress));
  table.Add(Sample({}, model::kRawReusedAddress));
  REQUIRE(table.size() == 1);
  CHECK(table.entry(0).count == 2);
}

}  // namespace
}  // namespace podo::aggregate
