// SPDX-License-Identifier: Apache-2.0
#include "capture/elf_image.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "base/format.h"
#include "capture/eh_reader.h"
#include "capture/eh_records.h"

namespace podo::capture {
namespace {

// Origin: the largest real modules have some 20 program headers, notes of some 100 bytes, a search
// table of 8 bytes per function. More is a damaged header.
constexpr size_t kMaxProgramHeaders = 1024;
constexpr size_t kMaxNoteBytes = 64 * 1024;
constexpr size_t kMaxBuildIdBytes = 64;
constexpr size_t kMaxHeaderTableBytes = size_t{256} << 20;
constexpr size_t kMaxEhFrameBytes = size_t{2} << 30;
constexpr size_t kCopyStepBytes = 256 * 1024;

const Elf64_Phdr* Find(const ElfImage& image, uint32_t type) {
  for (const Elf64_Phdr& header : image.headers) {
    if (header.p_type == type) return &header;
  }
  return nullptr;
}

// True if [address, address + bytes) lies inside the module.
bool Inside(const ElfImage& image, uint64_t address, uint64_t bytes) {
  return address >= image.start && address <= image.end && bytes <= image.end - address;
}

// Bytes from `address` to the end of the file-backed part of the segment around it.
size_t BytesToSegmentEnd(const ElfImage& image, uint64_t address) {
  for (const Elf64_Phdr& header : image.headers) {
    const uint64_t start = image.load_bias + header.p_vaddr;
    if (header.p_type != PT_LOAD || !Inside(image, start, header.p_filesz)) continue;
    if (address >= start && address - start < header.p_filesz) {
      return std::min<uint64_t>(header.p_filesz - (address - start), kMaxEhFrameBytes);
    }
  }
  return 0;
}

uint64_t RoundUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// The build id among the notes of one PT_NOTE segment.
std::string BuildIdIn(EhReader notes, uint64_t alignment) {
  while (!notes.at_end()) {
    const uint32_t name_bytes = notes.Fixed<uint32_t>();
    const uint32_t desc_bytes = notes.Fixed<uint32_t>();
    const uint32_t type = notes.Fixed<uint32_t>();
    char name[4] = {};
    if (name_bytes == sizeof(name)) {
      for (char& c : name) c = static_cast<char>(notes.U8());
    } else {
      notes.Skip(RoundUp(name_bytes, 4));
    }
    notes.Skip(RoundUp(notes.position(), alignment) - notes.position());
    const bool is_build_id = type == NT_GNU_BUILD_ID && std::memcmp(name, "GNU", 4) == 0 &&
                             desc_bytes <= kMaxBuildIdBytes;
    if (is_build_id) {
      std::string id(desc_bytes, '\0');
      for (char& c : id) c = static_cast<char>(notes.U8());
      return notes.failed() ? "" : absl::BytesToHexString(id);
    }
    notes.Skip(RoundUp(desc_bytes, alignment));
  }
  return "";
}

}  // namespace

base::StatusOr<ElfImage> ReadElfImage(ProcessView& process, uint64_t start) {
  Elf64_Ehdr header;
  if (!process.Read(start, &header, sizeof(header))) {
    return base::UnavailableError(base::StrFormat("cannot read an ELF header at %#x", start));
  }
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
      header.e_phnum > kMaxProgramHeaders) {
    return base::InvalidArgumentError(base::StrFormat(
        "no 64-bit ELF header with 1 to %d program headers at %#x", kMaxProgramHeaders, start));
  }
  ElfImage image;
  image.start = start;
  image.headers.resize(header.e_phnum);
  if (!process.Read(start + header.e_phoff, image.headers.data(),
                    image.headers.size() * sizeof(Elf64_Phdr))) {
    return base::UnavailableError(base::StrFormat(
        "cannot read %d program headers of the module at %#x", header.e_phnum, start));
  }
  const Elf64_Phdr* first = Find(image, PT_LOAD);
  if (first == nullptr) {
    return base::InvalidArgumentError(base::StrFormat("no loaded segment at %#x", start));
  }
  // The loader maps whole pages, so the header it maps at `start` is file offset 0.
  image.load_bias = start - (first->p_vaddr - first->p_offset);
  for (const Elf64_Phdr& h : image.headers) {
    if (h.p_type != PT_LOAD) continue;
    image.end = std::max(image.end, image.load_bias + h.p_vaddr + h.p_memsz);
  }
  return image;
}

std::vector<model::Segment> SegmentsOf(const ElfImage& image) {
  std::vector<model::Segment> segments;
  for (const Elf64_Phdr& header : image.headers) {
    const uint64_t start = image.load_bias + header.p_vaddr;
    if (header.p_type != PT_LOAD || !Inside(image, start, header.p_memsz)) continue;
    segments.push_back({.start = start,
                        .end = start + header.p_memsz,
                        .file_offset = header.p_offset,
                        .executable = (header.p_flags & PF_X) != 0});
  }
  return segments;
}

std::string ReadBuildId(ProcessView& process, const ElfImage& image) {
  for (const Elf64_Phdr& header : image.headers) {
    const uint64_t address = image.load_bias + header.p_vaddr;
    if (header.p_type != PT_NOTE || header.p_filesz > kMaxNoteBytes) continue;
    if (!Inside(image, address, header.p_filesz)) continue;
    std::vector<uint8_t> bytes(header.p_filesz);
    if (!process.Read(address, bytes.data(), bytes.size())) continue;
    std::string id = BuildIdIn(EhReader(bytes, address), header.p_align == 8 ? 8 : 4);
    if (!id.empty()) return id;
  }
  return "";
}

EhFrameCopy::~EhFrameCopy() {
  if (memory_ != nullptr) munmap(memory_, mapped_bytes_);
}

bool EhFrameCopy::Map(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  memory_ = static_cast<uint8_t*>(memory);
  mapped_bytes_ = bytes;
  return true;
}

base::Status EhFrameCopy::Read(ProcessView& process, const ElfImage& image) {
  for (const model::Segment& segment : SegmentsOf(image)) {
    if (segment.executable) input_.text.push_back({segment.start, segment.end});
  }
  const Elf64_Phdr* found = Find(image, PT_GNU_EH_FRAME);
  if (found == nullptr) return base::OkStatus();
  const uint64_t address = image.load_bias + found->p_vaddr;
  if (!Inside(image, address, found->p_filesz) || found->p_filesz > kMaxHeaderTableBytes) {
    return base::InvalidArgumentError(base::StrFormat(
        ".eh_frame_hdr at %#x, %d bytes, is not inside its module", address, found->p_filesz));
  }
  std::vector<uint8_t> table(found->p_filesz);
  if (!process.Read(address, table.data(), table.size())) {
    return base::UnavailableError(base::StrFormat("cannot read .eh_frame_hdr at %#x", address));
  }
  const base::StatusOr<EhFrameHeader> header = ReadEhFrameHeader(table, address);
  if (!header.ok()) return header.status();
  input_.address = header->eh_frame;
  if (header->last_fde > input_.address) input_.last_fde_offset = header->last_fde - input_.address;
  const size_t limit = BytesToSegmentEnd(image, input_.address);
  if (limit == 0) {
    return base::InvalidArgumentError(
        base::StrFormat(".eh_frame at %#x is in no segment of its module", input_.address));
  }
  if (!Map(limit)) {
    return base::ResourceExhaustedError(
        base::StrFormat("no memory to copy .eh_frame at %#x, %d bytes", input_.address, limit));
  }
  return CopyRecords(process, limit);
}

// The section's size is not mapped anywhere: goes from record to record, copying as it goes, up to
// the terminator or the end of the segment.
base::Status EhFrameCopy::CopyRecords(ProcessView& process, size_t limit_bytes) {
  constexpr size_t kLengthBytes = 12;  // the longest length field
  size_t copied = 0;
  size_t position = 0;
  while (position < limit_bytes) {
    while (copied < std::min(position + kLengthBytes, limit_bytes)) {
      const size_t step = std::min(kCopyStepBytes, limit_bytes - copied);
      if (!process.Read(input_.address + copied, memory_ + copied, step)) {
        return base::UnavailableError(
            base::StrFormat("cannot read .eh_frame at %#x", input_.address + copied));
      }
      copied += step;
    }
    EhReader reader({memory_ + position, copied - position}, input_.address + position);
    const std::optional<RecordLength> length = ReadRecordLength(&reader);
    if (!length.has_value()) break;
    position += reader.position();
    if (length->terminator && position >= input_.last_fde_offset) break;
    if (length->bytes > limit_bytes - position) break;
    position += length->bytes;
  }
  input_.bytes = {memory_, std::min(copied, position)};
  return base::OkStatus();
}

}  // namespace podo::capture
