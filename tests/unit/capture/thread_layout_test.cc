// SPDX-License-Identifier: Apache-2.0
#include "capture/thread_layout.h"

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

#include "capture/blocked_threads.h"

namespace podo::capture {
namespace {

struct Block {
  std::vector<unsigned char> bytes = std::vector<unsigned char>(512);
  void Put32(size_t at, uint32_t value) { std::memcpy(&bytes[at], &value, 4); }
  void Put64(size_t at, uint64_t value) { std::memcpy(&bytes[at], &value, 8); }
};

TEST_CASE("a second thread leaves the true offsets among chance hits") {
  Block first;
  first.Put32(64, 7);  // by chance: a small thread id stands in many places
  first.Put32(100, 7);
  first.Put64(200, 0x10000);
  first.Put64(208, 0x4000);
  const LayoutCandidates c = FindLayoutCandidates(first.bytes.data(), 512, 7, 0x10000, 0x4000);
  CHECK(c.tid_count == 2);
  CHECK(c.stack_count == 1);
  Block second;
  second.Put32(64, 7);
  second.Put32(100, 9);
  second.Put64(200, 0x70000);
  second.Put64(208, 0x8000);
  // glibc counts the guard page in: the usable stack begins above the block's low end.
  const auto layout = NarrowLayout(c, second.bytes.data(), 9, 0x71000, 0x78000);
  REQUIRE(layout.has_value());
  CHECK(layout->tid_offset == 100);
  CHECK(layout->stack_offset == 200);
}

TEST_CASE("an undecided or missing offset means no layout rather than a guess") {
  Block first;
  first.Put32(64, 7);
  first.Put32(100, 7);
  first.Put64(200, 0x10000);
  first.Put64(208, 0x4000);
  const LayoutCandidates c = FindLayoutCandidates(first.bytes.data(), 512, 7, 0x10000, 0x4000);
  Block both = first;
  both.Put64(200, 0x70000);
  both.Put64(208, 0x8000);
  CHECK_FALSE(NarrowLayout(c, both.bytes.data(), 7, 0x70000, 0x78000).has_value());
  Block none;
  CHECK_FALSE(NarrowLayout(c, none.bytes.data(), 9, 0x70000, 0x78000).has_value());
}

TEST_CASE("this glibc's layout is found from a thread on a known stack") {
  constexpr size_t kBytes = 256 << 10;
  void* stack = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct Shared {
    void* stack;
    LayoutCandidates candidates;
  } shared = {stack, {}};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, kBytes);
  pthread_t thread;
  REQUIRE(pthread_create(
              &thread, &attributes,
              [](void* argument) -> void* {
                auto& s = *static_cast<Shared*>(argument);
                s.candidates = FindLayoutCandidatesHere(s.stack, kBytes);
                return nullptr;
              },
              &shared) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  std::optional<ThreadLayout> layout;
  std::thread second([&] { layout = NarrowLayoutHere(shared.candidates); });
  second.join();
  munmap(stack, kBytes);
  REQUIRE(layout.has_value());
  uint32_t tid = 0;  // holds for this thread too
  std::memcpy(&tid, ThisThreadBlock() + layout->tid_offset, 4);
  CHECK(tid == static_cast<uint32_t>(gettid()));
}

TEST_CASE("SigBlk of a status file tells whether a signal is blocked") {
  CHECK(StatusBlocks("Name:\tx\nSigBlk:\t0000000004000000\nSigIgn:\t0\n", SIGPROF));
  CHECK(StatusBlocks("Name:\tx\nSigBlk:\tfffffffe7ffbfeff\n", SIGPROF));
  CHECK_FALSE(StatusBlocks("Name:\tx\nSigBlk:\t0000000002000000\n", SIGPROF));
  CHECK_FALSE(StatusBlocks("Name:\tSigBlk\n", SIGPROF));
  CHECK_FALSE(StatusBlocks("", SIGPROF));
  CHECK(StatusBlocks("SigX:\n\nSigBlk:\t0000004000000000\n", 39));  // SIGRTMIN+5
  CHECK(StatusBlocks("\nSigBlk:\t8000000000000000\n", 64));
  CHECK_FALSE(StatusBlocks("\nSigBlk:\t7fffffffffffffff\n", 64));
}

TEST_CASE("the first number of schedstat is the CPU time") {
  CHECK(SchedstatCpuNs("123456789 42 7\n") == 123456789);
  CHECK(SchedstatCpuNs("") == -1);
  CHECK(SchedstatCpuNs("x") == -1);
}

}  // namespace
}  // namespace podo::capture
