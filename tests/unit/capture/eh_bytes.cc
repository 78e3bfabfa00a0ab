// SPDX-License-Identifier: Apache-2.0
#include "eh_bytes.h"

#include <cstring>

#include "absl/strings/str_format.h"

namespace podo::capture {

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes Le(uint64_t value, int bytes) {
  Bytes out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
  return out;
}

Bytes Uleb(uint64_t value) {
  Bytes out;
  do {
    out.push_back(static_cast<uint8_t>((value & 0x7f) | (value > 0x7f ? 0x80 : 0)));
    value >>= 7;
  } while (value != 0);
  return out;
}

Bytes Text(const char* text) { return Bytes(text, text + std::strlen(text) + 1); }

size_t EhBytes::Record(uint64_t id, const Bytes& body, bool is_64_bit) {
  const size_t offset = bytes_.size();
  const int width = is_64_bit ? 8 : 4;
  if (is_64_bit) Raw(Le(0xffffffff, 4));
  Raw(Le(body.size() + static_cast<size_t>(width), width));
  Raw(Le(id, width));
  Raw(body);
  return offset;
}

size_t EhBytes::PlainCie() {
  return Cie(Join({{1}, Text("zR"), {1, 0x78, 16, 1, 0x1b}, {0x0c, 7, 8, 0x90, 1}}));
}

size_t EhBytes::PlainFde(size_t cie, uint64_t pc, uint32_t length, const Bytes& program) {
  const uint64_t field = next_address() + kFdeFieldOffset;
  return Fde(cie, Join({Le(pc - field, 4), Le(length, 4), {0}, program}));
}

size_t EhBytes::Fde(size_t cie, const Bytes& body, bool is_64_bit) {
  const size_t id_offset = bytes_.size() + (is_64_bit ? 12 : 4);
  return Record(id_offset - cie, body, is_64_bit);
}

std::string Describe(const UnwindRule& rule) {
  std::string text;
  switch (rule.kind) {
    case CfaKind::kUnsupported:
      return "unsupported";
    case CfaKind::kSignalFrame:
      return "signal";
    case CfaKind::kRoot:
      return "root";
    case CfaKind::kNoUnwind:
      return "none";
    case CfaKind::kRegOffset:
      text = absl::StrFormat("r%d%+d", rule.reg, rule.cfa_offset);
      break;
    case CfaKind::kDeref:
      text = absl::StrFormat("*(r%d%+d)%+d", rule.reg, rule.deref_offset, rule.cfa_offset);
      break;
    case CfaKind::kPlt:
      text = absl::StrFormat("plt(%d)r%d%+d", rule.deref_offset, rule.reg, rule.cfa_offset);
      break;
  }
  if (rule.ra_offset_words != -1) absl::StrAppendFormat(&text, " ra@%+d", rule.ra_offset_words);
  for (int i = 0; i < kSavedCount; ++i) {
    if (rule.saved[i] == kSavedSame) continue;
    absl::StrAppendFormat(&text, " r%d", kSavedRegs[i]);
    if (rule.saved[i] == kSavedUnknown) {
      text += '?';
      continue;
    }
    text += '@';
    if ((rule.saved_from_reg & (1u << i)) != 0) absl::StrAppendFormat(&text, "r%d", rule.reg);
    absl::StrAppendFormat(&text, "%+d", rule.saved[i]);
  }
  return text;
}

std::string Describe(const ModuleRows& rows) {
  std::string text;
  for (uint32_t i = 0; i < rows.row_count; ++i) {
    absl::StrAppendFormat(&text, "%s%x:%s", i == 0 ? "" : " ", rows.rows[i].pc_offset,
                          Describe(rows.rules[rows.rows[i].rule]));
  }
  return text;
}

}  // namespace podo::capture
