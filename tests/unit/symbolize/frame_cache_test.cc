// SPDX-License-Identifier: Apache-2.0
#include "symbolize/frame_cache.h"

#include <doctest/doctest.h>
#include <malloc.h>

#include <string>
#include <vector>

namespace podo::symbolize {
namespace {

std::vector<SourceFrame> FramesOf(uint64_t i) {
  const std::string name = "some::function_with_a_name_of_usual_length_" + std::to_string(i);
  return {{name + "()", "_Z" + name, "/usr/src/program/file_" + std::to_string(i % 100) + ".cc",
           static_cast<int64_t>(i), 7},
          {"main", "main", "/usr/src/program/main.cc", 12, 3}};
}

TEST_CASE("frames come back as they were added") {
  FrameCache cache(1 << 20);
  REQUIRE(cache.Add("module", 0x10, FramesOf(5), true));
  std::vector<SourceFrame> frames;
  CHECK(cache.Find("module", 0x10, &frames));
  CHECK(frames == FramesOf(5));
  CHECK_FALSE(cache.Find("module", 0x11, &frames));
  CHECK_FALSE(cache.Find("other", 0x10, &frames));
}

TEST_CASE("an answer without frames and one that is not final differ in who asks again") {
  FrameCache cache(1 << 20);
  cache.Add("module", 1, {}, true);
  cache.Add("module", 2, FramesOf(2), false);
  std::vector<SourceFrame> frames;
  CHECK_FALSE(cache.Find("module", 1, &frames));
  CHECK(cache.Find("module", 2, &frames));
  CHECK(cache.Missing("module", {3, 2, 1, 3}) == std::vector<uint64_t>{2, 3});
  cache.Add("module", 2, FramesOf(3), true);
  CHECK(cache.Missing("module", {3, 2, 1}) == std::vector<uint64_t>{3});
  CHECK(cache.Find("module", 2, &frames));
  CHECK(frames == FramesOf(3));
}

TEST_CASE("the cap holds, and what is looked up outlives what is not") {
  constexpr size_t kCap = 1 << 20;
  FrameCache cache(kCap);
  std::vector<SourceFrame> frames;
  size_t added = 0;
  bool swept = false;
  size_t before = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    if (cache.Add(i % 2 ? "odd" : "even", i, FramesOf(i), true)) ++added;
    REQUIRE(cache.bytes() <= kCap);
    swept = swept || cache.bytes() < before;
    before = cache.bytes();
    // One address is asked for all the time.
    REQUIRE(cache.Find("even", 0, &frames));
  }
  CHECK(swept);
  CHECK(added > 10'000);
  CHECK_FALSE(cache.Find("odd", 1, &frames));
}

TEST_CASE("when everything is in use, new answers are refused and the cap still holds") {
  constexpr size_t kCap = 1 << 18;
  FrameCache cache(kCap);
  std::vector<SourceFrame> frames;
  size_t added = 0;
  for (uint64_t i = 0; i < 5'000; ++i) {
    for (uint64_t k = 0; k < added; ++k) cache.Find("module", k, &frames);
    if (!cache.Add("module", added, FramesOf(added), true)) break;
    ++added;
    REQUIRE(cache.bytes() <= kCap);
  }
  CHECK(added > 200);
  CHECK(added < 4'000);
  CHECK(cache.Find("module", 0, &frames));
}

// A sanitizer's allocator keeps no such figures.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PODO_OWN_ALLOCATOR 1
#endif
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(PODO_OWN_ALLOCATOR)
TEST_CASE("bytes() is what the heap gives, within a fifth") {
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  FrameCache cache(64 << 20);
  for (uint64_t i = 0; i < 50'000; ++i) cache.Add("module", i, FramesOf(i), true);
  const size_t used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
  CHECK(static_cast<double>(cache.bytes()) > 0.8 * static_cast<double>(used));
  CHECK(static_cast<double>(cache.bytes()) < 1.2 * static_cast<double>(used));
}
#endif

TEST_CASE("a unit table is stored once, and not if it would take the cap") {
  FrameCache cache(1 << 16);
  std::vector<UnitRange> units = {{1, 2, 3}};
  std::vector<UnitRange> got;
  CHECK_FALSE(cache.GetUnits("module", &got));
  cache.StoreUnits("module", units);
  REQUIRE(cache.GetUnits("module", &got));
  CHECK(got.size() == 1);
  units.resize(1000);
  cache.StoreUnits("large", units);
  CHECK_FALSE(cache.GetUnits("large", &got));
}

}  // namespace
}  // namespace podo::symbolize
