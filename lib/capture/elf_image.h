// SPDX-License-Identifier: Apache-2.0
// Copies what podo needs of a mapped ELF module out of memory, by checked reads only: the module
// may be unmapped, and its bytes may be anything, at any moment.
#ifndef PODO_LIB_CAPTURE_ELF_IMAGE_H_
#define PODO_LIB_CAPTURE_ELF_IMAGE_H_

#include <elf.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "capture/eh_frame.h"
#include "capture/process_view.h"
#include "model/module.h"

namespace podo::capture {

// Program headers, with what follows from them. Addresses are run-time addresses.
struct ElfImage {
  uint64_t start = 0;  // of the ELF header
  uint64_t end = 0;    // one past the highest loaded byte
  uint64_t load_bias = 0;
  std::vector<Elf64_Phdr> headers;
};

// `start` is where the ELF header should be. Unavailable if it cannot be read.
base::StatusOr<ElfImage> ReadElfImage(ProcessView& process, uint64_t start);

std::vector<model::Segment> SegmentsOf(const ElfImage& image);
// GNU build id as lower-case hex; empty if there is none or it cannot be read.
std::string ReadBuildId(ProcessView& process, const ElfImage& image);

// A private copy of .eh_frame, unmapped again on destruction. `input.bytes` points into it.
class EhFrameCopy {
 public:
  EhFrameCopy() = default;
  EhFrameCopy(const EhFrameCopy&) = delete;
  EhFrameCopy& operator=(const EhFrameCopy&) = delete;
  ~EhFrameCopy();

  // A module without PT_GNU_EH_FRAME (an executable linked -static without --eh-frame-hdr) leaves
  // no bytes, and that is no error. Unavailable: memory of the module could not be read.
  base::Status Read(ProcessView& process, const ElfImage& image);
  const EhFrameInput& input() const { return input_; }

 private:
  bool Map(size_t bytes);
  base::Status CopyRecords(ProcessView& process, size_t limit_bytes);

  EhFrameInput input_;
  uint8_t* memory_ = nullptr;
  size_t mapped_bytes_ = 0;
};

}  // namespace podo::capture

#endif  // PODO_LIB_CAPTURE_ELF_IMAGE_H_
