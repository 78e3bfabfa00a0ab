// SPDX-License-Identifier: Apache-2.0
// The rings from both sides; the producer here does what the handler does.
#include "capture/ring_pool.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <memory>
#include <thread>

namespace podo::capture {
namespace {

State* NewState(uint32_t rings) {
  base::StatusOr<State*> state = MapState(rings, 256);
  REQUIRE(state.ok());
  return *state;
}

// Claims ring `index` for thread `tid`, as the handler's CAS does.
Ring& Claim(State* state, uint32_t index, uint32_t tid) {
  state->free_rings[index / 64].fetch_and(~(uint64_t{1} << (index % 64)));
  if (state->high_water.load() <= index) state->high_water.store(index + 1);
  state->rings[index].tid.store(tid);
  return state->rings[index];
}

bool Push(Ring& ring, uint16_t frames, uint64_t first) {
  const uint64_t words = model::kRawHeaderWords + frames;
  if (ring.FreeWords() < words) return false;
  const uint64_t head = ring.head.load(std::memory_order_relaxed);
  ring.words[head & (kRingWords - 1)] =
      words | uint64_t{model::kRawComplete} << 16 | uint64_t{frames} << 32;
  ring.words[(head + 1) & (kRingWords - 1)] = 7;
  for (uint64_t i = 0; i < frames; ++i) ring.words[(head + 2 + i) & (kRingWords - 1)] = first + i;
  ring.head.store(head + words, std::memory_order_release);
  return true;
}

TEST_CASE("the ids of a span stand before the frames, also across the end of the ring") {
  State* state = NewState(1);
  RingPool pool(state);
  Ring& ring = Claim(state, 0, 42);
  for (uint64_t round = 0; round < 3000; ++round) {  // of 9 words: several turns
    const uint64_t head = ring.head.load();
    const uint64_t flags = model::kRawComplete | model::kRawSpan;
    const uint64_t words[] = {
        9 | flags << 16 | uint64_t{4} << 32, 7 | uint64_t{5} << 32, round, 1, 2, 10, 20, 30, 40};
    for (uint64_t i = 0; i < 9; ++i) ring.words[(head + i) & (kRingWords - 1)] = words[i];
    ring.head.store(head + 9);
    pool.Mark();
    int drained = 0;
    pool.Drain([&](const model::RawSample& sample) {
      ++drained;
      REQUIRE(sample.header.label_set == 5);
      REQUIRE(sample.header.frames == 4);
      REQUIRE(sample.frames[-3] == static_cast<uint64_t>(round));
      REQUIRE(sample.frames[-1] == 2);
      REQUIRE(sample.frames[3] == 40);
    });
    REQUIRE(drained == 1);
  }
}

TEST_CASE("records come out as they went in, also across the end of the ring") {
  State* state = NewState(1);
  RingPool pool(state);
  Ring& ring = Claim(state, 0, 42);
  uint64_t next = 1000;
  uint64_t expected = 1000;
  for (int round = 0; round < 500; ++round) {  // 500 x 3 x up to 102 words: several turns
    const uint16_t frames = static_cast<uint16_t>(1 + round % 100);
    for (int i = 0; i < 3; ++i, next += 1000) REQUIRE(Push(ring, frames, next));
    pool.Mark();
    pool.Drain([&](const model::RawSample& sample) {
      CHECK(sample.tid == 42);
      CHECK(sample.header.generation == 7);
      REQUIRE(sample.header.frames == frames);
      for (uint16_t f = 0; f < frames; ++f) REQUIRE(sample.frames[f] == expected + f);
      expected += 1000;
    });
  }
  CHECK(expected == next);
}

TEST_CASE("a full ring refuses and drains to full room again") {
  State* state = NewState(1);
  RingPool pool(state);
  Ring& ring = Claim(state, 0, 1);
  int pushed = 0;
  while (Push(ring, 62, 1)) ++pushed;
  CHECK(pushed == kRingWords / 64);
  pool.Mark();
  CHECK(pool.fill() == doctest::Approx(1.0));
  int drained = 0;
  pool.Drain([&](const model::RawSample&) { ++drained; });
  CHECK(drained == pushed);
  CHECK(ring.FreeWords() == kRingWords);
}

TEST_CASE("what comes after the mark waits for the next drain") {
  State* state = NewState(1);
  RingPool pool(state);
  Ring& ring = Claim(state, 0, 1);
  Push(ring, 3, 1);
  pool.Mark();
  Push(ring, 3, 2);
  int drained = 0;
  const auto count = [&](const model::RawSample&) { ++drained; };
  pool.Drain(count);
  CHECK(drained == 1);
  pool.Mark();
  pool.Drain(count);
  CHECK(drained == 2);
}

TEST_CASE("a record that no handler can have written ends the drain of its ring, not the process") {
  State* state = NewState(2);
  RingPool pool(state);
  Ring& ring = Claim(state, 0, 1);
  Push(ring, 3, 1);
  ring.words[0] = ~uint64_t{0};
  Push(Claim(state, 1, 2), 3, 1);
  int drained = 0;
  pool.Mark();
  pool.Drain([&](const model::RawSample& s) { drained += s.tid == 2; });
  CHECK(drained == 1);
}

TEST_CASE("rings of dead threads are taken back once they are empty") {
  State* state = NewState(4);
  RingPool pool(state);
  Claim(state, 0, 100);
  Push(Claim(state, 1, 101), 3, 1);
  Claim(state, 2, 0);  // claimed this moment: its thread id is not there yet
  const auto alive = [](uint32_t tid) { return tid == 100; };
  CHECK(pool.in_use() == 3);
  CHECK(pool.Reclaim(alive) == 0);
  pool.Mark();
  pool.Drain([](const model::RawSample&) {});
  CHECK(pool.Reclaim(alive) == 1);
  CHECK(pool.in_use() == 2);
  CHECK(state->rings[1].owner.load() == 0);
}

TEST_CASE("reset forgets owners and gives memory back as zeros") {
  State* state = NewState(4);
  RingPool pool(state);
  Ring& ring = Claim(state, 0, 9);
  Push(ring, 3, 77);
  pool.Reset();
  CHECK(pool.in_use() == 0);
  CHECK(ring.head.load() == 0);
  CHECK(ring.words[2] == 0);
}

TEST_CASE("a handler inside a ring is waited for") {
  State* state = NewState(1);
  RingPool pool(state);
  Ring& ring = Claim(state, 0, 9);
  ring.busy.store(1);
  CHECK_FALSE(pool.WaitIdle(1'000'000));
  ring.busy.store(0);
  CHECK(pool.WaitIdle(1'000'000));
}

TEST_CASE("one writer and one drain lose nothing and invent nothing at full speed") {
  State* state = NewState(1);
  RingPool pool(state);
  Ring& ring = Claim(state, 0, 5);
  constexpr uint64_t kRecords = 200'000;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kRecords;) {
      if (Push(ring, static_cast<uint16_t>(1 + i % 37), i << 8)) ++i;
    }
  });
  uint64_t seen = 0;
  bool right = true;
  while (seen < kRecords) {
    pool.Mark();
    pool.Drain([&](const model::RawSample& s) {
      right = right && s.header.frames == 1 + seen % 37;
      for (uint16_t f = 0; right && f < s.header.frames; ++f) {
        right = s.frames[f] == (seen << 8) + f;
      }
      ++seen;
    });
  }
  writer.join();
  CHECK(right);
  CHECK(seen == kRecords);
}

TEST_CASE("residue is handed over once and its bytes are wiped") {
  State* state = NewState(1);
  ResiduePool pool(state);
  state->residue_free.fetch_and(~uint64_t{0b101});
  for (int slot : {0, 2}) {
    state->residues[slot].tid = static_cast<uint32_t>(50 + slot);
    state->residues[slot].stack[100] = 0x5e;  // a secret
    state->residue_ready.fetch_or(uint64_t{1} << slot);
  }
  uint32_t tids = 0;
  const auto finish = [&](const model::Residue& r) {
    CHECK(r.stack[100] == 0x5e);
    tids += r.tid;
  };
  pool.Take(finish);
  pool.Take(finish);
  CHECK(tids == 102);
  CHECK(state->residue_free.load() == ~uint64_t{0});
  CHECK(state->residues[0].stack[100] == 0);
  CHECK(state->residues[2].stack[100] == 0);
}

}  // namespace
}  // namespace podo::capture
