// SPDX-License-Identifier: Apache-2.0
#include "capture/row_table.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "eh_bytes.h"

namespace podo::capture {
namespace {

UnwindRule Rule(int32_t cfa_offset) {
  UnwindRule rule{.kind = CfaKind::kRegOffset, .reg = kDwarfSp, .cfa_offset = cfa_offset};
  rule.ra_offset_words = -1;
  for (int16_t& saved : rule.saved) saved = kSavedSame;
  return rule;
}

}  // namespace

TEST_CASE("Equal neighbours are one row and equal rules are stored once") {
  RowTableBuilder builder(0x1000, 0x9000);
  builder.Append(0, Rule(8));
  builder.Append(1, Rule(16));
  builder.Append(2, Rule(16));
  builder.Append(3, Rule(8));
  const auto table = builder.Finish();
  REQUIRE(table.ok());
  CHECK(Describe(table->rows()) == "0:r7+8 1:r7+16 3:r7+8");
  CHECK(table->rows().rule_count == 2);
}

TEST_CASE(
    "A second rule for the same pc replaces the first, also where that makes neighbours equal") {
  RowTableBuilder builder(0x1000, 0x9000);
  builder.Append(0, Rule(8));
  builder.Append(4, Rule(16));
  builder.Append(4, Rule(24));
  builder.Append(9, Rule(32));
  builder.Append(9, Rule(24));
  const auto table = builder.Finish();
  REQUIRE(table.ok());
  CHECK(Describe(table->rows()) == "0:r7+8 4:r7+24");
}

TEST_CASE("Rewinding takes back the rows from a pc on") {
  RowTableBuilder builder(0x1000, 0x9000);
  builder.Append(0, Rule(8));
  builder.Append(4, Rule(16));
  builder.Append(8, Rule(24));
  builder.RewindTo(4);
  builder.Append(4, Rule(32));
  const auto table = builder.Finish();
  REQUIRE(table.ok());
  CHECK(Describe(table->rows()) == "0:r7+8 4:r7+32");
}

TEST_CASE("The lookup finds the right row at, before and behind every row of many pages") {
  constexpr uint64_t start = 0x7fff12345000;
  constexpr uint32_t size = 300 * 4096 + 123;
  RowTableBuilder builder(start, start + size);
  std::vector<std::pair<uint32_t, int32_t>> expected;  // offset, CFA offset
  uint32_t offset = 0;
  for (int32_t i = 0; offset < size; ++i) {
    expected.emplace_back(offset, 8 + i % 5000 * 8);  // more rules than the first hash table holds
    builder.Append(offset, Rule(expected.back().second));
    // Rows of one byte, rows that begin with a page, and rows longer than several pages.
    offset =
        i % 97 == 0 ? (offset / 4096 + 3) * 4096 : offset + 1 + static_cast<uint32_t>(i % 7) * 31;
  }
  const auto table = builder.Finish();
  REQUIRE(table.ok());
  const ModuleRows& rows = table->rows();
  CHECK(rows.row_count == expected.size());
  size_t row = 0;
  for (uint32_t at = 0; at < size; ++at) {
    while (row + 1 < expected.size() && expected[row + 1].first <= at) ++row;
    const UnwindRule* rule = FindRule(rows, start + at);
    REQUIRE(rule != nullptr);
    REQUIRE(rule->cfa_offset == expected[row].second);
  }
  CHECK(FindRule(rows, start - 1) == nullptr);
  CHECK(FindRule(rows, start + size) == nullptr);
  CHECK(FindRule(ModuleRows{}, 0) == nullptr);
}

TEST_CASE("A table without any row still answers, with a gap") {
  RowTableBuilder builder(0x1000, 0x1001);
  const auto table = builder.Finish();
  REQUIRE(table.ok());
  CHECK(Describe(table->rows()) == "0:none");
  CHECK(FindRule(table->rows(), 0x1000)->kind == CfaKind::kNoUnwind);
}

TEST_CASE("Moving a table keeps the addresses that a published snapshot holds") {
  RowTableBuilder builder(0x1000, 0x2000);
  builder.Append(0, Rule(8));
  auto table = builder.Finish();
  REQUIRE(table.ok());
  const UnwindRule* rule = FindRule(table->rows(), 0x1000);
  RowTable first = *std::move(table);
  RowTable second;
  second = std::move(first);
  CHECK(FindRule(second.rows(), 0x1000) == rule);
  CHECK(first.rows().row_count == 0);
  CHECK(rule->cfa_offset == 8);
}

}  // namespace podo::capture
