// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_places.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../scratch_directory.h"

namespace podo::doctor {
namespace {

Config ConfigOf(const std::vector<std::string>& environment) {
  std::vector<const char*> entries;
  for (const std::string& entry : environment) entries.push_back(entry.c_str());
  std::vector<std::string> messages;
  return ParseConfig(entries, false, "exe", &messages);
}

TEST_CASE("file sinks, spool and history are places; receivers are not") {
  const std::vector<Place> places =
      PlacesOf(ConfigOf({"PODO_EXPORT=file:///a/b/,file:///c/{service}/x.html,otlp+http://h:4318",
                         "PODO_SERVICE_NAME=cart", "PODO_SPOOL_DIR=/s", "PODO_HISTORY_DIR=/h"}));
  REQUIRE(places.size() == 4);
  CHECK(places[0].directory == "/a/b");
  CHECK(places[1].directory == "/c/cart");
  CHECK(places[1].file == "/c/cart/x.html");
  CHECK(places[2].is_shared);
  CHECK(places[2].wanted_bytes == uint64_t{64} << 20);
  CHECK(places[3].wanted_bytes == uint64_t{16} << 20);
}

TEST_CASE("a probe leaves nothing behind, no directory either") {
  const test::ScratchDirectory scratch;
  for (const bool is_shared : {false, true}) {
    CAPTURE(is_shared);
    const PlaceFacts there = ProbePlace({"x", scratch.path(), "", is_shared, 0});
    CHECK(there.problem == "");
    CHECK(there.free_bytes > 0);
    const PlaceFacts made = ProbePlace({"x", scratch / "new", "", is_shared, 0});
    CHECK(made.problem == "");
    CHECK(scratch.Names().empty());
  }
}

TEST_CASE("a place that cannot be written says why in podo's words") {
  const test::ScratchDirectory scratch;
  test::WriteFile(scratch / "file", "");
  mkdir((scratch / "dir").c_str(), 0700);
  CHECK(ProbePlace({"x", scratch / "a/b", "", false, 0}).problem.find(std::strerror(ENOENT)) !=
        std::string::npos);
  CHECK(ProbePlace({"x", scratch / "file", "", false, 0}).problem.find(std::strerror(ENOTDIR)) !=
        std::string::npos);
  CHECK(ProbePlace({"x", scratch.path(), scratch / "dir", false, 0}).problem.find("a directory") !=
        std::string::npos);
  chmod((scratch / "dir").c_str(), 0777);
  CHECK(ProbePlace({"x", scratch / "dir", "", true, 0}).problem != "");  // others may write
}

TEST_CASE("places are judged by what was found") {
  struct Case {
    PlaceFacts facts;
    Mark mark;
    std::string advice;
  };
  const Place sink = {"sink file:///x/", "/x", "", false, 0};
  const Place spool = {"PODO_SPOOL_DIR /s", "/s", "", true, uint64_t{64} << 20};
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  const Case cases[] = {
      {{sink, "", kGiB, false}, Mark::kOk, ""},
      {{sink, "", kGiB, true}, Mark::kOk, ""},
      {{sink, "", 1 << 20, false}, Mark::kNote, "Make room"},
      {{spool, "", kGiB, false}, Mark::kOk, ""},
      {{spool, "", 1 << 20, false}, Mark::kNote, "lower the bound"},
      {{spool, "", kGiB, true}, Mark::kNote, "outlives the process"},
      {{sink, std::string("cannot open: ") + std::strerror(EACCES), 0, false},
       Mark::kProblem,
       "permission"},
      {{sink, std::string("cannot open: ") + std::strerror(EROFS), 0, false},
       Mark::kProblem,
       "mount a volume"},
      {{sink, std::string("cannot open: ") + std::strerror(ENOENT), 0, false},
       Mark::kProblem,
       "Create it"},
      {{sink, std::string("cannot write: ") + std::strerror(ENOSPC), 0, false},
       Mark::kProblem,
       "Make room"},
      {{spool, "others may write to it", kGiB, false}, Mark::kProblem, "mode 0700"},
  };
  for (const Case& one : cases) {
    const Finding finding = JudgePlace(one.facts);
    CAPTURE(finding.text);
    CHECK(finding.mark == one.mark);
    CHECK(finding.advice.find(one.advice) != std::string::npos);
    CHECK(finding.advice.empty() == one.advice.empty());
    CHECK(finding.text.starts_with(one.facts.place.who));
  }
}

}  // namespace
}  // namespace podo::doctor
