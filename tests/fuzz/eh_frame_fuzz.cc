// SPDX-License-Identifier: Apache-2.0
// Any bytes as an .eh_frame section: rows come out that a lookup can trust, or a status.
// Input: one byte of flags (bit 0: a zero length does not end the section), then the section.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "capture/eh_frame.h"

namespace podo::capture {
namespace {

constexpr uint64_t kText = 0x1000;
constexpr uint64_t kTextEnd = 0x5000;
constexpr uint64_t kFrame = 0x5000;

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

// What the handler relies on without looking.
void CheckRows(const ModuleRows& rows, size_t input_bytes) {
  Require(rows.start == kText && rows.end == kTextEnd);
  Require(rows.row_count >= 1 && rows.rows[0].pc_offset == 0);
  Require(rows.row_count <= 2 * input_bytes + 2);  // memory is linear in the input
  for (uint32_t i = 0; i < rows.row_count; ++i) {
    const UnwindRow& row = rows.rows[i];
    Require(row.rule < rows.rule_count);
    Require(rows.start + row.pc_offset < rows.end);
    Require(i == 0 || row.pc_offset > rows.rows[i - 1].pc_offset);
    Require(i == 0 || row.rule != rows.rows[i - 1].rule);
    Require(FindRule(rows, rows.start + row.pc_offset) == &rows.rules[row.rule]);
    if (i > 0) {
      Require(FindRule(rows, rows.start + row.pc_offset - 1) == &rows.rules[rows.rows[i - 1].rule]);
    }
    const UnwindRule& rule = rows.rules[row.rule];
    Require(rule.kind <= CfaKind::kNoUnwind && rule.reg < kDwarfRegCount);
  }
  Require(FindRule(rows, rows.end) == nullptr && FindRule(rows, rows.start - 1) == nullptr);
}

}  // namespace
}  // namespace podo::capture

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace podo::capture;
  if (size == 0) return 0;
  EhFrameInput input;
  input.bytes = {bytes + 1, size - 1};
  input.address = kFrame;
  input.last_fde_offset = (bytes[0] & 1) != 0 ? size : 0;
  input.bases = {.text = kText, .data = kFrame};
  input.text = {{kText, kText + 0x1000}, {kText + 0x1800, kTextEnd}};
  EhFrameCounts counts;
  const auto table = BuildRows(input, &counts);
  Require(table.ok());
  CheckRows(table->rows(), size);
  const auto header = ReadEhFrameHeader(input.bytes, kFrame);
  Require(!header.ok() || header->table_count <= size / 8);
  return 0;
}
