// SPDX-License-Identifier: Apache-2.0
#include "capture/eh_frame.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "capture/cfa_program.h"
#include "capture/eh_records.h"
#include "capture/fde_order.h"

namespace podo::capture {
namespace {

constexpr UnwindRule kGapRule{.kind = CfaKind::kNoUnwind};

base::StatusOr<AddressRange> Span(const std::vector<AddressRange>& text) {
  AddressRange span{UINT64_MAX, 0};
  for (const AddressRange& range : text) {
    if (range.start >= range.end) continue;
    span.start = std::min(span.start, range.start);
    span.end = std::max(span.end, range.end);
  }
  if (span.start >= span.end) return base::InvalidArgumentError("no executable bytes");
  if (span.end - span.start > UINT32_MAX) {
    return base::InvalidArgumentError(
        base::StrFormat("executable segments span %d bytes; at most 4294967295 are supported",
                        span.end - span.start));
  }
  return span;
}

// Keeps the FDEs that begin inside executable bytes, cut at the end of their segment.
void KeepThoseInText(const std::vector<AddressRange>& text, std::vector<FdeRef>* fdes,
                     EhFrameCounts* counts) {
  const auto outside = [&](FdeRef& fde) {
    for (const AddressRange& range : text) {
      if (fde.pc_begin < range.start || fde.pc_begin >= range.end) continue;
      fde.pc_end = std::min(fde.pc_end, range.end);
      return fde.pc_begin == fde.pc_end;
    }
    return true;
  };
  counts->outside_text += static_cast<uint32_t>(std::erase_if(*fdes, outside));
}

// What each FDE really covers: of several that begin at one address the first of the section
// counts, as a binary search table keeps one; otherwise the one that begins last.
void CutOverlaps(const std::vector<uint32_t>& order, std::vector<FdeRef>* fdes,
                 EhFrameCounts* counts) {
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    FdeRef& fde = (*fdes)[order[i]];
    FdeRef& next = (*fdes)[order[i + 1]];
    if (fde.pc_end <= next.pc_begin) continue;
    ++counts->overlapping;
    if (fde.pc_begin == next.pc_begin) {
      next = fde;  // carried on, in case a third one follows
      fde.pc_end = fde.pc_begin;
    } else {
      fde.pc_end = next.pc_begin;
    }
  }
}

void AppendFde(const EhFrameInput& input, const EhRecords& records, const FdeRef& fde,
               uint64_t start, RowTableBuilder* rows, EhFrameCounts* counts) {
  const EhReader program(input.bytes.subspan(fde.program_offset, fde.program_bytes),
                         input.address + fde.program_offset);
  if (RunFdeProgram(program, records.cies[fde.cie], {fde.pc_begin, fde.pc_end}, start, input.bases,
                    rows)) {
    ++counts->fdes;
    return;
  }
  ++counts->broken;
  const uint32_t offset = static_cast<uint32_t>(fde.pc_begin - start);
  rows->RewindTo(offset);
  rows->Append(offset, UnwindRule{});
}

}  // namespace

base::StatusOr<RowTable> BuildRows(const EhFrameInput& input, EhFrameCounts* counts) {
  *counts = {};
  const base::StatusOr<AddressRange> span = Span(input.text);
  if (!span.ok()) return span.status();
  EhRecords records = SplitEhFrame(input.bytes, input.address, input.last_fde_offset, input.bases);
  counts->broken = records.broken;
  KeepThoseInText(input.text, &records.fdes, counts);
  const std::vector<uint32_t> order = OrderByAddress(records.fdes, span->start);
  CutOverlaps(order, &records.fdes, counts);

  RowTableBuilder rows(span->start, span->end);
  uint64_t covered_to = span->start;
  for (const uint32_t index : order) {
    const FdeRef& fde = records.fdes[index];
    if (fde.pc_begin == fde.pc_end) continue;
    if (covered_to < fde.pc_begin) {
      rows.Append(static_cast<uint32_t>(covered_to - span->start), kGapRule);
    }
    AppendFde(input, records, fde, span->start, &rows, counts);
    covered_to = fde.pc_end;
  }
  if (covered_to < span->end) {
    rows.Append(static_cast<uint32_t>(covered_to - span->start), kGapRule);
  }
  return rows.Finish();
}

namespace {

// The one layout in use (GNU ld, gold, lld, mold): pairs of 4-byte offsets from the header.
constexpr uint8_t kTableEncoding = 0x3b;  // DW_EH_PE_datarel | DW_EH_PE_sdata4

}  // namespace

base::StatusOr<EhFrameHeader> ReadEhFrameHeader(std::span<const uint8_t> bytes, uint64_t address) {
  EhReader reader(bytes, address);
  const EhBases bases{.text = 0, .data = address};
  const uint8_t version = reader.U8();
  const uint8_t frame_encoding = reader.U8();
  const uint8_t count_encoding = reader.U8();
  const uint8_t table_encoding = reader.U8();
  EhFrameHeader header;
  header.eh_frame = reader.EncodedPointer(frame_encoding, bases);
  if (reader.failed() || version != 1) {
    return base::InvalidArgumentError(
        base::StrFormat(".eh_frame_hdr of version %d, pointer encoding 0x%02x, %d bytes; "
                        "version 1 with an encoded pointer is supported",
                        version, frame_encoding, bytes.size()));
  }
  if (count_encoding == kEhOmit || table_encoding != kTableEncoding) return header;
  const uint64_t count = reader.EncodedPointer(count_encoding, bases);
  if (reader.failed() || count > reader.remaining() / 8) return header;
  header.table_count = count;
  for (uint64_t i = 0; i < count; ++i) {
    reader.Fixed<int32_t>();
    const int64_t fde = reader.Fixed<int32_t>();
    header.last_fde = std::max(header.last_fde, address + static_cast<uint64_t>(fde));
  }
  return header;
}

}  // namespace podo::capture
