// SPDX-License-Identifier: Apache-2.0
#include "symbolize/line_program.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace podo::symbolize {
namespace {

bool Never() { return false; }

void Append(std::vector<uint8_t>* to, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to->push_back(static_cast<uint8_t>(value >> (8 * i)));
}
void Append(std::vector<uint8_t>* to, const std::string& text) {
  to->insert(to->end(), text.begin(), text.end());
  to->push_back(0);
}

// A version 4 table with two directories, two files and the given program.
std::vector<uint8_t> TableV4(const std::vector<uint8_t>& program) {
  std::vector<uint8_t> header = {1, 1, 1, 0xFB, 14, 13};  // line base -5, range 14, opcodes 13
  header.insert(header.end(), {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1});
  Append(&header, "inc");
  Append(&header, "/abs");
  header.push_back(0);
  for (int directory : {0, 1}) {
    Append(&header, directory == 0 ? "a.cc" : "b.h");
    header.insert(header.end(), {static_cast<uint8_t>(directory), 0, 0});
  }
  header.push_back(0);
  std::vector<uint8_t> table;
  Append(&table, 2 + 4 + header.size() + program.size(), 4);
  Append(&table, 4, 2);
  Append(&table, header.size(), 4);
  table.insert(table.end(), header.begin(), header.end());
  table.insert(table.end(), program.begin(), program.end());
  return table;
}

std::vector<uint8_t> SetAddress(uint64_t address) {
  std::vector<uint8_t> out = {0, 9, 2};
  Append(&out, address, 8);
  return out;
}

std::vector<LineHit> MatchAll(const std::vector<uint8_t>& table, std::vector<uint64_t> addresses,
                              uint64_t steps = 1000) {
  LineProgram lines({table, {}, {}}, 0, "/comp");
  REQUIRE(lines.ok());
  std::vector<LineHit> hits(addresses.size());
  Budget budget(steps, Never);
  lines.Match(addresses, absl::MakeSpan(hits), &budget);
  return hits;
}

TEST_CASE("an address gets the last row at or before it, inside its sequence only") {
  std::vector<uint8_t> program = SetAddress(0x1000);
  program.insert(program.end(), {3, 9, 1});           // line 10 at 0x1000
  program.insert(program.end(), {2, 0x10, 3, 5, 1});  // line 15 at 0x1010
  program.insert(program.end(), {4, 2, 3, 2, 1});     // file 2 line 17, same address
  program.push_back(13 + 14 * 4 + 5 + 1);             // special: +4 bytes, +1 line
  program.insert(program.end(), {2, 4, 0, 1, 1});     // end at 0x1018
  const auto hits =
      MatchAll(TableV4(program), {0xFFF, 0x1000, 0x100F, 0x1010, 0x1013, 0x1014, 0x1017, 0x1018});
  const struct {
    bool found;
    uint64_t file, line;
  } kExpected[] = {{false, 0, 0}, {true, 1, 10}, {true, 1, 10}, {true, 2, 17},
                   {true, 2, 17}, {true, 2, 18}, {true, 2, 18}, {false, 0, 0}};
  for (size_t i = 0; i < hits.size(); ++i) {
    CAPTURE(i);
    CHECK(hits[i].found == kExpected[i].found);
    CHECK(hits[i].file == kExpected[i].file);
    CHECK(hits[i].line == kExpected[i].line);
  }
}

TEST_CASE("code that the linker threw away at address 0 does not shadow live code") {
  std::vector<uint8_t> program = SetAddress(0);
  program.insert(program.end(), {3, 90, 1, 2, 0x80, 0x40, 0, 1, 1});  // line 91, 0 to 0x2000
  const auto live = SetAddress(0x1000);
  program.insert(program.end(), live.begin(), live.end());
  program.insert(program.end(), {3, 4, 1, 2, 0x10, 0, 1, 1});  // line 5, 0x1000 to 0x1010
  CHECK(MatchAll(TableV4(program), {0x1008})[0].line == 5);
}

TEST_CASE("paths are joined with their directory and the unit's") {
  const auto table = TableV4({});
  LineProgram lines({table, {}, {}}, 0, "/comp");
  CHECK(lines.FileName(0) == "");
  CHECK(lines.FileName(1) == "/comp/a.cc");
  CHECK(lines.FileName(2) == "/comp/inc/b.h");
  CHECK(lines.FileName(3) == "");
}

TEST_CASE("a table cut anywhere is refused or read to its end, never over it") {
  std::vector<uint8_t> program = SetAddress(0x1000);
  program.insert(program.end(), {3, 9, 1, 2, 0x10, 0, 1, 1});
  const auto whole = TableV4(program);
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<long>(size));
    CHECK_FALSE(LineProgram({cut, {}, {}}, 0, "").ok());
  }
  CHECK_FALSE(LineProgram({whole, {}, {}}, whole.size(), "").ok());
  CHECK_FALSE(LineProgram({whole, {}, {}}, ~uint64_t{0}, "").ok());
}

TEST_CASE("the budget ends a long program") {
  std::vector<uint8_t> program = SetAddress(0x1000);
  program.insert(program.end(), 5000, 1);
  program.insert(program.end(), {2, 0x10, 0, 1, 1});
  CHECK_FALSE(MatchAll(TableV4(program), {0x1000}, 1000)[0].found);
  CHECK(MatchAll(TableV4(program), {0x1000}, 10'000)[0].found);
}

}  // namespace
}  // namespace podo::symbolize
