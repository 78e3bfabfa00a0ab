// SPDX-License-Identifier: Apache-2.0
// The unwind sections of an ELF image, found by libelf: tests feed them to podo's own parser.
#ifndef PODO_TESTS_UNIT_CAPTURE_ELF_SECTIONS_H_
#define PODO_TESTS_UNIT_CAPTURE_ELF_SECTIONS_H_

#include <libelf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "capture/eh_frame.h"

namespace podo::capture {

// Addresses are ELF virtual addresses (load bias 0).
struct ElfSections {
  ElfSections() = default;
  ElfSections(const ElfSections&) = delete;
  ElfSections& operator=(const ElfSections&) = delete;
  ~ElfSections();

  Elf* elf = nullptr;
  int fd = -1;
  std::vector<uint8_t> eh_frame;
  uint64_t eh_frame_address = 0;
  std::vector<uint8_t> eh_frame_hdr;
  uint64_t eh_frame_hdr_address = 0;
  std::vector<AddressRange> text;

  EhFrameInput Input() const;
};

bool ReadElfFile(const std::string& path, ElfSections* sections);
// `image` must stay as long as `sections`.
bool ReadElfImage(char* image, size_t bytes, ElfSections* sections);

}  // namespace podo::capture

#endif  // PODO_TESTS_UNIT_CAPTURE_ELF_SECTIONS_H_
