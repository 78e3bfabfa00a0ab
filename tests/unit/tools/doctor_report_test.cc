// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_report.h"

#include <doctest/doctest.h>

namespace podo::doctor {
namespace {

TEST_CASE("a report is sections of aligned tables and marked findings, and counts them") {
  Section section;
  section.title = "Things";
  section.table = {{"name", "size"}, {{"a", "10"}, {"long name", "7"}}, {false, true}};
  section.findings = {
      {Mark::kOk, "fine", ""}, {Mark::kNote, "so so", "Look."}, {Mark::kProblem, "bad", "Act."}};
  CHECK(ReportText({section}) ==
        "Things\n"
        "  name       size\n"
        "  a            10\n"
        "  long name     7\n"
        "\n"
        "  ok       fine\n"
        "  note     so so\n"
        "           Look.\n"
        "  problem  bad\n"
        "           Act.\n"
        "\n"
        "1 problem, 1 note\n");
  CHECK(HasProblem({section}));
  section.findings.pop_back();
  CHECK(!HasProblem({section}));
}

TEST_CASE("advice is broken at 100 columns, a finding never, so that it can be searched for") {
  const std::string words(30, 'w');
  Section section;
  section.findings = {{Mark::kOk, words + " " + words + " " + words + " " + words,
                       words + " " + words + " " + words}};
  const std::string text = ReportText({section});
  CHECK(text.find(words + " " + words + " " + words + " " + words + "\n") != text.npos);
  CHECK(text.find("           " + words + " " + words + "\n           " + words + "\n") !=
        text.npos);
}

TEST_CASE("foreign text cannot move the terminal's cursor, nor break a column") {
  Section section;
  section.title = "T";
  section.table.rows = {{"\xc3\xa4\xc3\xb6", "1"}, {"ab\x1b[2J", "2"}, {"\xff", "3"}};
  const std::string text = ReportText({section});
  CHECK(text.find('\x1b') == text.npos);
  CHECK(text.find("  \xc3\xa4\xc3\xb6      1\n") != text.npos);
  CHECK(text.find("  ab [2J  2\n") != text.npos);
}

TEST_CASE("numbers are written as PODO_ variables are") {
  CHECK(BytesText(0) == "0B");
  CHECK(BytesText(uint64_t{64} << 20) == "64MiB");
  CHECK(BytesText(1536) == "1.5KiB");
  CHECK(BytesText(~uint64_t{0}) == "16EiB");
  CHECK(DurationText(10'000'000'000) == "10s");
  CHECK(DurationText(250'000'000) == "250ms");
  CHECK(DurationText(3'600'000'000'000) == "1h");
  CHECK(DurationText(0) == "0s");
  CHECK(NumberText(100) == "100");
  CHECK(NumberText(0.25) == "0.25");
  CHECK(NumberText(0) == "0");
  CHECK(CountText(1, "note") == "1 note");
  CHECK(CountText(0, "note") == "0 notes");
}

}  // namespace
}  // namespace podo::doctor
