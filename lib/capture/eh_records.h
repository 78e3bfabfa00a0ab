// SPDX-License-Identifier: Apache-2.0
// Splits .eh_frame into its records: CIEs parsed, FDEs located.
#ifndef PODO_LIB_CAPTURE_EH_RECORDS_H_
#define PODO_LIB_CAPTURE_EH_RECORDS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "capture/cfa_program.h"
#include "capture/eh_reader.h"

namespace podo::capture {

// One FDE: which code it covers, and where its instructions lie in the section's bytes.
struct FdeRef {
  uint64_t pc_begin = 0;
  uint64_t pc_end = 0;
  uint32_t program_offset = 0;
  uint32_t program_bytes = 0;
  uint32_t cie = 0;  // index into EhRecords::cies
};

struct EhRecords {
  std::vector<Cie> cies;
  std::vector<FdeRef> fdes;  // in section order
  uint32_t broken = 0;       // FDEs that cannot be placed
};

// Reads one length field. False at the end of the section (zero length) or if bytes are missing.
// On success *record is what the length covers and `reader` stands behind it.
struct RecordLength {
  bool terminator = false;
  bool is_64_bit = false;
  uint64_t bytes = 0;  // behind the length field
};
std::optional<RecordLength> ReadRecordLength(EhReader* reader);

// One pass, linear in the number of bytes: an FDE must name a CIE that stands before it, as the
// format has it, so no CIE is parsed twice.
EhRecords SplitEhFrame(std::span<const uint8_t> bytes, uint64_t address, uint64_t last_fde_offset,
                       const EhBases& bases);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_EH_RECORDS_H_
