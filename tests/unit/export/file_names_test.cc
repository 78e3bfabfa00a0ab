// SPDX-License-Identifier: Apache-2.0
#include "export/file_names.h"

#include <doctest/doctest.h>

#include <string>

namespace podo::exporting {
namespace {

// 2026-11-22 15:44:56.123 UTC
const ProcessIdentity kProcess = {"pay/ment: v2", 4711, 1'795'362'296'123'456'789};

TEST_CASE("a service name becomes a harmless part of a file name") {
  struct Case {
    std::string in, out;
  };
  const Case cases[] = {
      {"checkout-2_b.c", "checkout-2_b.c"},
      {"unknown_service:zstd", "unknown_service_zstd"},
      {"../../etc/passwd", "_._.._etc_passwd"},
      {"..", "_."},
      {".hidden", "_hidden"},
      {"", "unknown"},
      {"a b\n\x01", "a_b__"},
      {"\xC3\xA9", "__"},
      {std::string("a\0b", 3), "a_b"},
      {std::string(300, 'n'), std::string(100, 'n')},
  };
  for (const Case& c : cases) {
    CAPTURE(c.in);
    CHECK(SanitizeForFileName(c.in) == c.out);
  }
}

TEST_CASE("the start is UTC to the millisecond") {
  CHECK(FormatStart(0) == "19700101T000000.000Z");
  CHECK(FormatStart(kProcess.start_ns) == "20261122T154456.123Z");
  CHECK(FormatStart(951'827'696'999'999'999) == "20000229T123456.999Z");
  CHECK(FormatStart(-1) == "19691231T235959.999Z");
}

TEST_CASE("window files sort by sequence and take a number when the name is taken") {
  CHECK(WindowFileName(kProcess, 7, 1) == "pay_ment__v2-4711-20261122T154456.123Z-000007.pb.gz");
  CHECK(WindowFileName(kProcess, 7, 2) == "pay_ment__v2-4711-20261122T154456.123Z-000007.2.pb.gz");
  CHECK(WindowFileName(kProcess, 12345678, 1) ==
        "pay_ment__v2-4711-20261122T154456.123Z-12345678.pb.gz");
  CHECK(WindowFileName({std::string(300, 'n'), INT64_MAX, 0}, UINT64_MAX, 8).size() <= 255);
}

TEST_CASE("the pid goes before the whole extension") {
  CHECK(InsertPid("/x/prof.html", 4711) == "/x/prof.4711.html");
  CHECK(InsertPid("/x/prof.v2.pb.gz", 4711) == "/x/prof.v2.4711.pb.gz");
  CHECK(InsertPid("/x.d/p.folded", 1) == "/x.d/p.1.folded");
  CHECK(InsertPid("/x.d/prof", 1) == "/x.d/prof.1");
}

TEST_CASE("a path template decodes percent signs, fills placeholders and refuses the rest") {
  struct Case {
    std::string text, expanded;  // empty: refused
    bool has_pid;
  };
  const Case cases[] = {
      {"/a/b.html", "/a/b.html", false},
      {"/{service}/{pid}-{start}.html", "/pay_ment__v2/4711-20261122T154456.123Z.html", true},
      {"/{service}{service}", "/pay_ment__v2pay_ment__v2", false},
      {"/a%20b%2C%7Bpid%7D", "/a b,{pid}", false},
      {"/%7Bpid}", "", false},
      {"/{host}", "", false},
      {"/{}", "", false},
      {"/{PID}", "", false},
      {"/{pid", "", false},
      {"/pid}", "", false},
      {"/{{pid}}", "", false},
      {"/a%00b", "", false},
      {"/a%zz", "", false},
      {"/{", "", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const base::StatusOr<PathTemplate> path = PathTemplate::Parse(c.text);
    CHECK(path.ok() == !c.expanded.empty());
    if (!path.ok()) continue;
    CHECK(path->Expand(kProcess) == c.expanded);
    CHECK(path->HasPid() == c.has_pid);
  }
}

}  // namespace
}  // namespace podo::exporting
