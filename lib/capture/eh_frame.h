// SPDX-License-Identifier: Apache-2.0
// Turns the bytes of an .eh_frame section into unwind rows. A direct parser, because libdw's reader
// takes 6-9 times as long and needs the file; a test holds every row against libdw.
#ifndef PODO_LIB_CAPTURE_EH_FRAME_H_
#define PODO_LIB_CAPTURE_EH_FRAME_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "capture/eh_reader.h"
#include "capture/row_table.h"

namespace podo::capture {

struct AddressRange {
  uint64_t start = 0;
  uint64_t end = 0;  // exclusive
};

struct EhFrameInput {
  std::span<const uint8_t> bytes;  // may run on behind the section: a zero length ends it
  uint64_t address = 0;            // where bytes[0] lies at run time
  // A zero length before this offset is not the end (a terminator linked in mid-section).
  uint64_t last_fde_offset = 0;
  EhBases bases;
  std::vector<AddressRange> text;  // executable segments
};

// What was left out, and why. Nothing here is an error: it costs rows of some code, no more.
struct EhFrameCounts {
  uint32_t fdes = 0;          // that gave rows
  uint32_t broken = 0;        // malformed, or of a malformed or unknown CIE: kUnsupported or a gap
  uint32_t outside_text = 0;  // empty, or code the linker dropped
  uint32_t overlapping = 0;   // cut short by, or hidden behind, another FDE
};

// Rows for all of `text` (gaps are kNoUnwind). The bytes are foreign: never reads outside them,
// time and memory linear in their number; a broken FDE costs that FDE. Errors only for unusable
// `text` (empty, 4 GiB or more) or lack of memory. Cost: about 1 ms for libc. Not for the handler.
base::StatusOr<RowTable> BuildRows(const EhFrameInput& input, EhFrameCounts* counts);

// What .eh_frame_hdr says about .eh_frame.
struct EhFrameHeader {
  uint64_t eh_frame = 0;  // run-time address of .eh_frame
  uint64_t last_fde = 0;  // highest address of an FDE in the search table; 0 if there is no table
  uint64_t table_count = 0;  // FDEs in the table
};

// `address` is where bytes[0] lies at run time. Never reads outside; a table that is cut short or
// encoded unusually is left out.
base::StatusOr<EhFrameHeader> ReadEhFrameHeader(std::span<const uint8_t> bytes, uint64_t address);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_EH_FRAME_H_
