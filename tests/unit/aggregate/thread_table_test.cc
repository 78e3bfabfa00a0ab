// SPDX-License-Identifier: Apache-2.0
#include "aggregate/thread_table.h"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace podo::aggregate {
namespace {

TEST_CASE("a thread is read once a round and gets another entry when its name changes") {
  ThreadTable table;
  int reads = 0;
  std::string name = "first";
  const auto read = [&](uint32_t, char* to) {
    ++reads;
    std::snprintf(to, 16, "%s", name.c_str());
  };
  CHECK(table.IndexOf(100, 1, read) == 1);
  CHECK(table.IndexOf(100, 1, read) == 1);
  CHECK(reads == 1);
  CHECK(table.IndexOf(100, 2, read) == 1);
  CHECK(table.IndexOf(200, 2, read) == 2);
  name = "second";
  CHECK(table.IndexOf(100, 3, read) == 3);
  CHECK(table.IndexOf(100, 3, read) == 3);
  CHECK(std::string(table.thread(1).name) == "first");
  CHECK(std::string(table.thread(3).name) == "second");
  CHECK(std::string(table.Find(ThreadTable::kByTid | 100).name) == "second");
  CHECK(table.Find(ThreadTable::kByTid | 999).tid == 999);
  table.Clear();
  CHECK(table.size() == 0);
  CHECK(std::string(table.Find(ThreadTable::kByTid | 100).name).empty());
  CHECK(table.IndexOf(100, 4, read) == 1);
}

TEST_CASE("a thread that is gone keeps the name it had") {
  ThreadTable table;
  CHECK(table.IndexOf(7, 1, [](uint32_t, char* to) { std::snprintf(to, 16, "alive"); }) == 1);
  CHECK(table.IndexOf(7, 2, [](uint32_t, char*) {}) == 1);
  CHECK(std::string(table.thread(1).name) == "alive");
}

TEST_CASE("ten thousand threads survive every growth of the table") {
  ThreadTable table;
  for (uint32_t round = 1; round <= 2; ++round) {
    for (uint32_t tid = 1; tid <= 10'000; ++tid) {
      const uint32_t index = table.IndexOf(
          tid, round, [](uint32_t of, char* to) { std::snprintf(to, 16, "t%u", of); });
      REQUIRE(index == tid);
    }
  }
  CHECK(std::string(table.thread(777).name) == "t777");
}

TEST_CASE("names come from the kernel") {
  prctl(PR_SET_NAME, "fifteen letters");
  char name[16] = {};
  ReadThreadName(static_cast<uint32_t>(gettid()), name);
  CHECK(std::string(name) == "fifteen letters");
  char same[16] = "as before";
  ReadThreadName(1u << 30, same);
  CHECK(std::string(same) == "as before");
}

}  // namespace
}  // namespace podo::aggregate
