// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_elf.h"

#include <doctest/doctest.h>
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "../scratch_directory.h"

namespace podo::doctor {
namespace {

constexpr uint64_t kUnpacked = uint64_t{32} << 20;

capture::UnwindRule Rule(capture::CfaKind kind) {
  capture::UnwindRule rule;
  rule.kind = kind;
  return rule;
}

// [0, 100) covered, [100, 150) no row, [150, 160) residue, [160, 200) covered; from 0x1000.
capture::RowTable FourRows() {
  capture::RowTableBuilder rows(0x1000, 0x1000 + 200);
  rows.Append(0, Rule(capture::CfaKind::kRegOffset));
  rows.Append(100, Rule(capture::CfaKind::kNoUnwind));
  rows.Append(150, Rule(capture::CfaKind::kUnsupported));
  rows.Append(160, Rule(capture::CfaKind::kRoot));
  return *rows.Finish();
}

TEST_CASE("coverage counts the bytes of code by what their rows say") {
  const capture::RowTable table = FourRows();
  struct Case {
    std::vector<capture::AddressRange> text;
    uint64_t bytes, covered, residue;
  };
  const Case cases[] = {
      {{{0x1000, 0x1000 + 200}}, 200, 140, 10},
      {{{0x1000 + 90, 0x1000 + 155}}, 65, 10, 5},
      {{{0x1000 + 150, 0x1000 + 200}, {0x1000, 0x1000 + 100}}, 150, 140, 10},  // out of order
      {{{0x1000, 0x1000 + 60}, {0x1000 + 50, 0x1000 + 100}}, 100, 100, 0},     // overlapping
      {{{0x1000 + 10, 0x1000 + 20}, {0x1000 + 30, 0x1000 + 40}}, 20, 20, 0},   // two in one row
      {{{0x1000 + 199, 0x1000 + 300}}, 101, 1, 0},                             // beyond the rows
      {{{0x1000 + 50, 0x1000 + 20}}, 0, 0, 0},
      {{}, 0, 0, 0},
  };
  for (const Case& one : cases) {
    const Coverage coverage = CoverageOf(table.rows(), one.text);
    CHECK(coverage.text == one.bytes);
    CHECK(coverage.covered == one.covered);
    CHECK(coverage.residue == one.residue);
  }
  CHECK(Coverage().Share() == 1);
}

TEST_CASE("this program's own file has rows for nearly all of its code, and names") {
  const auto elf = ReadElfRows("/proc/self/exe");
  REQUIRE(elf.ok());
  CHECK(elf->coverage.Share() > 0.9);
  CHECK(elf->unwind_problem == "");
  CHECK(elf->row_count > 1000);
  const std::string exe = std::filesystem::read_symlink("/proc/self/exe");
  CHECK(FindSymbols(exe, elf->build_id, kUnpacked).symbols >= Symbols::kTable);
}

TEST_CASE("the rule at an offset of the file is that of the code there") {
  ElfRows elf;
  elf.table = FourRows();
  elf.segments = {{0x400, 0x500, 0, false}, {0x1000, 0x1000 + 200, 0x600, true}};
  CHECK(elf.RuleAtFileOffset(0x600)->kind == capture::CfaKind::kRegOffset);
  CHECK(elf.RuleAtFileOffset(0x600 + 120)->kind == capture::CfaKind::kNoUnwind);
  CHECK(elf.RuleAtFileOffset(0x600 + 155)->kind == capture::CfaKind::kUnsupported);
  CHECK(elf.RuleAtFileOffset(0x10) == nullptr);
  CHECK(elf.RuleAtFileOffset(0x600 + 200) == nullptr);
  CHECK(elf.RuleAtFileOffset(~uint64_t{0}) == nullptr);
}

TEST_CASE("what is no ELF file is one line and no crash") {
  const test::ScratchDirectory scratch;
  test::WriteFile(scratch / "empty", "");
  test::WriteFile(scratch / "text",
                  "hello, I am a text that is longer than the header of an ELF file");
  test::WriteFile(scratch / "magic",
                  "\x7f"
                  "ELF");
  mkfifo((scratch / "fifo").c_str(), 0600);
  for (const std::string& path :
       {scratch / "empty", scratch / "text", scratch / "magic", scratch / "fifo",
        scratch / "absent", scratch.path(), std::string("/dev/zero")}) {
    CAPTURE(path);
    const auto elf = ReadElfRows(path);
    REQUIRE(!elf.ok());
    CHECK(!elf.status().message().empty());
    CHECK(elf.status().message().find('\n') == std::string::npos);
  }
}

TEST_CASE("an ELF file with any of its bytes changed, or cut anywhere, is an answer and no crash") {
  const test::ScratchDirectory scratch;
  const std::string whole = test::ReadFile("/proc/self/exe").substr(0, 1 << 20);
  std::mt19937 chance(4711);
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole;
    if (round % 3 == 0) bytes.resize(chance() % bytes.size());
    // Mostly the header and the program headers; what lies behind them has a fuzz target.
    for (int i = 0; i < 8; ++i) {
      const size_t within = i < 6 ? 1024 : bytes.size();
      if (within <= 16 || bytes.size() <= within) continue;
      bytes[16 + chance() % (within - 16)] = static_cast<char>(chance());
    }
    test::WriteFile(scratch / "broken", bytes);
    const auto elf = ReadElfRows(scratch / "broken");
    if (elf.ok()) {
      CHECK(elf->coverage.covered + elf->coverage.residue <= elf->coverage.text);
      FindSymbols(scratch / "broken", elf->build_id, kUnpacked);
    } else {
      CHECK(!elf.status().message().empty());
    }
  }
}

}  // namespace
}  // namespace podo::doctor
