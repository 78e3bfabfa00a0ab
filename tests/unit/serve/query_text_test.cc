// SPDX-License-Identifier: Apache-2.0
#include "serve/query_text.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::serve {
namespace {

constexpr int64_t kNow = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z
constexpr int64_t kSecond = 1'000'000'000;

TEST_CASE("a target is taken apart and decoded") {
  const base::StatusOr<Target> target =
      ParseTarget("/api/v1/labels?from=now-1h&label.endpoint=%2Fpay+now&&flag&from=now");
  REQUIRE(target.ok());
  CHECK(target->path == "/api/v1/labels");
  CHECK(target->query == "from=now-1h&label.endpoint=%2Fpay+now&&flag&from=now");
  REQUIRE(target->parameters.size() == 4);
  CHECK(*target->Find("label.endpoint") == "/pay now");
  CHECK(*target->Find("from") == "now");  // the last one holds
  CHECK(target->Find("flag")->empty());
  CHECK(target->Find("until") == nullptr);
}

TEST_CASE("a target that cannot be read is refused with what is accepted") {
  for (const char* bad : {"/%zz", "/?a=%4", "/?%=1"}) {
    CAPTURE(bad);
    CHECK(std::string(ParseTarget(bad).status().message()).find("%XX") != std::string::npos);
  }
  std::string many = "/?";
  for (int i = 0; i < 101; ++i) many += "a=1&";
  CHECK(std::string(ParseTarget(many).status().message()) ==
        "too many parameters; accepted: at most 100");
}

TEST_CASE("times are read in all forms that people and tools write") {
  struct Case {
    const char* text;
    int64_t ns;
  };
  const Case cases[] = {
      {"1767225600", kNow},
      {"1767225600.25", kNow + kSecond / 4},
      {"1767225600250", kNow + kSecond / 4},
      {"2026-01-01T00:00:00Z", kNow},
      {"2026-01-01T01:00:00.5+01:00", kNow + kSecond / 2},
      {"2025-12-31t18:30:00.0000000019-05:30", kNow + 1},
      {"2025-12-31T23:59:60z", kNow},
      {"2024-02-29T00:00:00Z", kNow - 672 * 86400 * kSecond},
      {"1970-01-01T00:00:00Z", 0},
      {"now", kNow},
      {" now ", kNow},
      {"now-0s", kNow},
      {"now-90s", kNow - 90 * kSecond},
      {"now-1.5h", kNow - 5400 * kSecond},
      {"now-2d", kNow - 2 * 86400 * kSecond},
      {"now-90000d", 0},
      {"0", 0},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const base::StatusOr<int64_t> time = ParseTime(c.text, kNow);
    REQUIRE(time.ok());
    CHECK(*time == c.ns);
  }
}

TEST_CASE("what is no time is refused and named, however it looks") {
  for (const char* bad : {"",
                          "yesterday",
                          "-5",
                          "1e300",
                          "nan",
                          "now+1h",
                          "now-",
                          "now--1h",
                          "now-3",
                          "now-1e9d",
                          "2026-13-01T00:00:00Z",
                          "9999-01-01T00:00:00Z",
                          "2025-02-29T00:00:00Z",
                          "2026-01-01T24:00:00Z",
                          "2026-01-01T00:60:00Z",
                          "2026-01-01T00:00:61Z",
                          "2026-01-01T00:00:00",
                          "2026-01-01T00:00:00.Z",
                          "2026-01-01T00:00:00+24:00",
                          "2026-01-01T00:00:00+0100",
                          "2026-01-01",
                          "2026-01-01T00:00:00Zz",
                          "1969-12-31T23:59:59Z",
                          "-026-01-01T00:00:00Z"}) {
    CAPTURE(bad);
    const base::Status status = ParseTime(bad, kNow).status();
    CHECK(std::string(status.message()).find("is not a time; accepted: Unix seconds") !=
          std::string::npos);
  }
  CHECK(ParseTime(std::string(5000, '9'), kNow).status().message().size() < 250);
}

}  // namespace
}  // namespace podo::serve
