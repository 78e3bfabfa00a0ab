// SPDX-License-Identifier: Apache-2.0
// Runs the call-frame instructions of a CIE or an FDE and turns them into unwind rules.
#ifndef PODO_LIB_CAPTURE_CFA_PROGRAM_H_
#define PODO_LIB_CAPTURE_CFA_PROGRAM_H_

#include <cstdint>

#include "capture/eh_reader.h"
#include "capture/frame_state.h"
#include "capture/row_table.h"

namespace podo::capture {

struct Cie {
  uint64_t code_align = 1;
  int64_t data_align = 1;
  uint8_t pointer_encoding = 0;  // of FDE addresses
  bool has_augmentation = false;
  bool is_signal_frame = false;
  FrameState initial;
};

// Runs the CIE's own instructions into cie->initial. False if they are malformed.
bool RunCieProgram(EhReader program, Cie* cie);

// Where an FDE's rows go.
struct FdeRange {
  uint64_t begin = 0;
  uint64_t end = 0;  // rows from here on are not wanted
};

// Runs an FDE's instructions and appends a row wherever the rule changes; offsets count from
// `module_start`. False if the instructions are malformed: the caller takes the rows back.
bool RunFdeProgram(EhReader program, const Cie& cie, FdeRange range, uint64_t module_start,
                   const EhBases& bases, RowTableBuilder* rows);

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_CFA_PROGRAM_H_
