// SPDX-License-Identifier: Apache-2.0
#include "capture/eh_records.h"

#include <cstring>

#include "base/hash_map.h"
#include "capture/unwind_rows.h"

namespace podo::capture {
namespace {

// Augmentation letters after 'z', each with its operand in the augmentation bytes. An unknown
// letter leaves the FDE's address encoding unknown.
bool ReadAugmentation(const char* letters, EhReader augmentation, Cie* cie) {
  for (; *letters != '\0'; ++letters) {
    switch (*letters) {
      case 'R':
        cie->pointer_encoding = augmentation.U8();
        break;
      case 'P':
        augmentation.SkipEncoded(augmentation.U8());
        break;
      case 'L':
        augmentation.U8();
        break;
      case 'S':
        cie->is_signal_frame = true;
        break;
      case 'B':  // aarch64: return addresses signed with the B key; stripping is the same
      case 'G':  // aarch64: memory tagging of the frame
        break;
      default:
        return false;
    }
  }
  return !augmentation.failed();
}

// `reader` stands behind the CIE id.
std::optional<Cie> ParseCie(EhReader reader) {
  Cie cie;
  const uint8_t version = reader.U8();
  if (version != 1 && version != 3 && version != 4) return std::nullopt;
  const char* letters = reader.String();
  if (version == 4 && (reader.U8() != 8 || reader.U8() != 0)) return std::nullopt;
  if (std::strncmp(letters, "eh", 2) == 0) {  // GCC 2: a pointer stands here
    reader.Skip(8);
    letters += 2;
  }
  cie.code_align = reader.Uleb();
  cie.data_align = reader.Sleb();
  const uint64_t return_register = version == 1 ? reader.U8() : reader.Uleb();
  if (reader.failed() || return_register != kDwarfRa) return std::nullopt;
  if (*letters == 'z') {
    cie.has_augmentation = true;
    if (!ReadAugmentation(letters + 1, reader.Sub(reader.Uleb()), &cie)) return std::nullopt;
  } else if (*letters != '\0') {
    return std::nullopt;
  }
  if (reader.failed() || !RunCieProgram(reader, &cie)) return std::nullopt;
  return cie;
}

class Splitter {
 public:
  Splitter(std::span<const uint8_t> bytes, uint64_t address, const EhBases& bases)
      : reader_(bytes, address), bases_(bases) {}

  EhRecords Run(uint64_t last_fde_offset) {
    while (!reader_.at_end()) {
      const size_t record_offset = reader_.position();
      const std::optional<RecordLength> length = ReadRecordLength(&reader_);
      if (!length.has_value()) break;
      if (length->terminator) {
        if (record_offset >= last_fde_offset) break;
        continue;
      }
      const size_t body_offset = reader_.position();
      const EhReader body = reader_.Sub(length->bytes);
      if (body.failed()) break;  // runs past the end: nothing behind it can be found
      Take(record_offset, body_offset, length->is_64_bit, body);
    }
    return std::move(records_);
  }

 private:
  void Take(size_t record_offset, size_t body_offset, bool is_64_bit, EhReader body) {
    const uint64_t id = is_64_bit ? body.Fixed<uint64_t>() : body.Fixed<uint32_t>();
    if (body.failed()) {
      ++records_.broken;
    } else if (id != 0) {
      TakeFde(body_offset, id, body);
    } else if (std::optional<Cie> cie = ParseCie(body); cie.has_value()) {
      cie_by_offset_[record_offset] = static_cast<uint32_t>(records_.cies.size());
      records_.cies.push_back(*cie);
    }
  }

  // `id` counts back from itself to its CIE.
  void TakeFde(size_t id_offset, uint64_t id, EhReader body) {
    const Cie* cie = FindCie(id_offset - id);
    if (cie == nullptr) {
      ++records_.broken;
      return;
    }
    const uint64_t begin = body.EncodedPointer(cie->pointer_encoding, bases_);
    const uint64_t length = body.EncodedValue(cie->pointer_encoding);
    if (cie->has_augmentation) body.Skip(body.Uleb());
    const uint64_t end = begin + length;
    if (body.failed() || end < begin) {
      ++records_.broken;
      return;
    }
    records_.fdes.push_back({begin, end, static_cast<uint32_t>(id_offset + body.position()),
                             static_cast<uint32_t>(body.remaining()), last_cie_});
  }

  // Neighbouring FDEs mostly share their CIE. An id that points in front of the section wraps to an
  // offset that no CIE has.
  const Cie* FindCie(uint64_t offset) {
    if (offset != last_cie_offset_) {
      const auto found = cie_by_offset_.find(offset);
      if (found == cie_by_offset_.end()) return nullptr;
      last_cie_offset_ = offset;
      last_cie_ = found->second;
    }
    return &records_.cies[last_cie_];
  }

  EhReader reader_;
  EhBases bases_;
  EhRecords records_;
  base::HashMap<uint64_t, uint32_t> cie_by_offset_;
  std::optional<uint64_t> last_cie_offset_;
  uint32_t last_cie_ = 0;
};

}  // namespace

std::optional<RecordLength> ReadRecordLength(EhReader* reader) {
  RecordLength length;
  length.bytes = reader->Fixed<uint32_t>();
  if (length.bytes == 0xffffffff) {
    length.is_64_bit = true;
    length.bytes = reader->Fixed<uint64_t>();
  }
  length.terminator = length.bytes == 0;
  if (reader->failed()) return std::nullopt;
  return length;
}

EhRecords SplitEhFrame(std::span<const uint8_t> bytes, uint64_t address, uint64_t last_fde_offset,
                       const EhBases& bases) {
  // Offsets of FDEs are 32 bits wide; no real section comes near.
  if (bytes.size() > UINT32_MAX) bytes = bytes.first(UINT32_MAX);
  return Splitter(bytes, address, bases).Run(last_fde_offset);
}

}  // namespace podo::capture
