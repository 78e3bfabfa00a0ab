// SPDX-License-Identifier: Apache-2.0
#include "symbolize/elf_check.h"

#include <elf.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace podo::symbolize {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && sizeof(void*) == 8,
              "podo's targets are 64-bit little-endian");

bool Inside(uint64_t offset, uint64_t size, size_t total) {
  return offset <= total && size <= total - offset;
}

template <typename T>
T ReadAt(Bytes image, uint64_t offset) {
  T value;
  memcpy(&value, image.data() + offset, sizeof value);
  return value;
}

base::Status Bad(absl::string_view what, uint64_t value) {
  return base::InvalidArgumentError(
      absl::StrCat("broken ELF file: ", what, " (", value, ") does not fit the file"));
}

// How many bytes libelf would allocate to unpack this section; 0 if it is not compressed.
uint64_t UnpackedBytes(Bytes image, const Elf64_Shdr& section) {
  if (section.sh_flags & SHF_COMPRESSED) {
    if (section.sh_size < sizeof(Elf64_Chdr)) return 0;
    return ReadAt<Elf64_Chdr>(image, section.sh_offset).ch_size;
  }
  // .zdebug_*: "ZLIB" and a big-endian size; a section of another kind that happens to begin so
  // is only refused, and only when it is also absurd.
  if (section.sh_type != SHT_PROGBITS || section.sh_size < 12) return 0;
  if (memcmp(image.data() + section.sh_offset, "ZLIB", 4) != 0) return 0;
  return __builtin_bswap64(ReadAt<uint64_t>(image, section.sh_offset + 4));
}

uint64_t EntryBytes(uint32_t section_type) {
  switch (section_type) {
    case SHT_SYMTAB:
    case SHT_DYNSYM:
      return sizeof(Elf64_Sym);
    case SHT_RELA:
      return sizeof(Elf64_Rela);
    case SHT_REL:
      return sizeof(Elf64_Rel);
    default:
      return 0;
  }
}

base::Status CheckSection(Bytes image, const Elf64_Shdr& section, uint64_t section_count) {
  if (section.sh_type == SHT_NULL || section.sh_type == SHT_NOBITS) return base::OkStatus();
  if (!Inside(section.sh_offset, section.sh_size, image.size())) {
    return Bad("section size", section.sh_size);
  }
  const uint64_t entry = EntryBytes(section.sh_type);
  if (entry == 0) return base::OkStatus();
  if (section.sh_entsize != entry) return Bad("section entry size", section.sh_entsize);
  if (section.sh_link >= section_count) return Bad("section link", section.sh_link);
  return base::OkStatus();
}

base::StatusOr<uint64_t> CheckSections(Bytes image, const Elf64_Ehdr& header) {
  if (header.e_shoff == 0) return uint64_t{0};
  if (header.e_shentsize != sizeof(Elf64_Shdr)) {
    return Bad("section header size", header.e_shentsize);
  }
  if (!Inside(header.e_shoff, sizeof(Elf64_Shdr), image.size())) {
    return Bad("section header offset", header.e_shoff);
  }
  // With 65,280 sections or more the count stands in section 0.
  const uint64_t count =
      header.e_shnum != 0 ? header.e_shnum : ReadAt<Elf64_Shdr>(image, header.e_shoff).sh_size;
  if (count > (image.size() - header.e_shoff) / sizeof(Elf64_Shdr)) {
    return Bad("section count", count);
  }
  uint64_t unpacked = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const auto section = ReadAt<Elf64_Shdr>(image, header.e_shoff + i * sizeof(Elf64_Shdr));
    if (base::Status ok = CheckSection(image, section, count); !ok.ok()) return ok;
    if (section.sh_type == SHT_NULL || section.sh_type == SHT_NOBITS) continue;
    const uint64_t bytes = UnpackedBytes(image, section);
    // Saturating: a sum that wraps would look small.
    unpacked = bytes > ~uint64_t{0} - unpacked ? ~uint64_t{0} : unpacked + bytes;
  }
  return unpacked;
}

}  // namespace

base::StatusOr<uint64_t> CheckElf(Bytes image) {
  if (image.size() < sizeof(Elf64_Ehdr) || memcmp(image.data(), ELFMAG, SELFMAG) != 0) {
    return base::InvalidArgumentError("not an ELF file");
  }
  const auto header = ReadAt<Elf64_Ehdr>(image, 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return base::InvalidArgumentError("not a 64-bit little-endian ELF file");
  }
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    // Relocatable files would need their relocations applied before the DWARF means anything.
    return base::InvalidArgumentError("neither a program nor a shared object");
  }
  if (header.e_phnum != 0) {
    if (header.e_phentsize != sizeof(Elf64_Phdr)) {
      return Bad("program header size", header.e_phentsize);
    }
    const uint64_t bytes = uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
    if (!Inside(header.e_phoff, bytes, image.size())) {
      return Bad("program header offset", header.e_phoff);
    }
  }
  return CheckSections(image, header);
}

}  // namespace podo::symbolize
