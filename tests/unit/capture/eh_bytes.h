// SPDX-License-Identifier: Apache-2.0
// Assembles .eh_frame bytes by hand, and writes rows as one line of text that a test can compare.
#ifndef PODO_TESTS_UNIT_CAPTURE_EH_BYTES_H_
#define PODO_TESTS_UNIT_CAPTURE_EH_BYTES_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "capture/unwind_rows.h"

namespace podo::capture {

using Bytes = std::vector<uint8_t>;

Bytes Join(std::initializer_list<Bytes> parts);
Bytes Le(uint64_t value, int bytes);
Bytes Uleb(uint64_t value);
Bytes Text(const char* text);  // with its NUL

// A section under construction, as if it lay at `address`.
class EhBytes {
 public:
  explicit EhBytes(uint64_t address) : address_(address) {}

  const Bytes& bytes() const { return bytes_; }
  uint64_t next_address() const { return address_ + bytes_.size(); }

  // A record with a right length; returns its offset. The 64-bit form has a longer length and id.
  size_t Record(uint64_t id, const Bytes& body, bool is_64_bit = false);
  // Version 1, "zR" with pc-relative 4-byte addresses, code 1, data -8, return address 16; the
  // usual start: CFA = rsp + 8, return address at CFA - 8.
  size_t PlainCie();
  size_t Cie(const Bytes& body) { return Record(0, body); }
  // An FDE of a PlainCie.
  size_t PlainFde(size_t cie, uint64_t pc, uint32_t length, const Bytes& program);
  // An FDE whose address fields and augmentation the test writes itself.
  size_t Fde(size_t cie, const Bytes& body, bool is_64_bit = false);
  void Raw(const Bytes& bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void Terminator() { Raw(Le(0, 4)); }

  static constexpr uint64_t kFdeFieldOffset = 8;  // of the address, behind length and CIE pointer

 private:
  uint64_t address_;
  Bytes bytes_;
};

// "0:r7+8 4:r7+16 r6@-2 10:none": offset in hex, CFA, the return address unless it is at word -1,
// registers unless unchanged ("r6?": unknown, "r6@r6-1": counted from a register).
std::string Describe(const ModuleRows& rows);
std::string Describe(const UnwindRule& rule);

}  // namespace podo::capture

#endif  // PODO_TESTS_UNIT_CAPTURE_EH_BYTES_H_
