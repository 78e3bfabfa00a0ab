// SPDX-License-Identifier: Apache-2.0
#include "elf_sections.h"

#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <string_view>

namespace podo::capture {
namespace {

std::vector<uint8_t> BytesOf(Elf_Scn* section) {
  const Elf_Data* bytes = elf_rawdata(section, nullptr);
  if (bytes == nullptr || bytes->d_buf == nullptr) return {};
  const auto* begin = static_cast<const uint8_t*>(bytes->d_buf);
  return {begin, begin + bytes->d_size};
}

bool ReadSections(ElfSections* out) {
  size_t phdr_count = 0;
  size_t names = 0;
  if (out->elf == nullptr || elf_getphdrnum(out->elf, &phdr_count) != 0 ||
      elf_getshdrstrndx(out->elf, &names) != 0) {
    return false;
  }
  for (size_t i = 0; i < phdr_count; ++i) {
    GElf_Phdr phdr;
    if (gelf_getphdr(out->elf, static_cast<int>(i), &phdr) == nullptr) return false;
    if (phdr.p_type != PT_LOAD || (phdr.p_flags & PF_X) == 0) continue;
    out->text.push_back({phdr.p_vaddr, phdr.p_vaddr + phdr.p_memsz});
  }
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(out->elf, section)) != nullptr;) {
    GElf_Shdr shdr;
    if (gelf_getshdr(section, &shdr) == nullptr) return false;
    const char* name = elf_strptr(out->elf, names, shdr.sh_name);
    if (name == nullptr) continue;
    if (std::string_view(name) == ".eh_frame") {
      out->eh_frame = BytesOf(section);
      out->eh_frame_address = shdr.sh_addr;
    } else if (std::string_view(name) == ".eh_frame_hdr") {
      out->eh_frame_hdr = BytesOf(section);
      out->eh_frame_hdr_address = shdr.sh_addr;
    }
  }
  return !out->eh_frame.empty() && !out->text.empty();
}

}  // namespace

ElfSections::~ElfSections() {
  if (elf != nullptr) elf_end(elf);
  if (fd >= 0) close(fd);
}

EhFrameInput ElfSections::Input() const {
  EhFrameInput input;
  input.bytes = eh_frame;
  input.address = eh_frame_address;
  input.text = text;
  const auto header = ReadEhFrameHeader(eh_frame_hdr, eh_frame_hdr_address);
  if (header.ok() && header->last_fde > eh_frame_address) {
    input.last_fde_offset = header->last_fde - eh_frame_address;
  }
  return input;
}

bool ReadElfFile(const std::string& path, ElfSections* sections) {
  elf_version(EV_CURRENT);
  sections->fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (sections->fd < 0) return false;
  sections->elf = elf_begin(sections->fd, ELF_C_READ_MMAP, nullptr);
  return ReadSections(sections);
}

bool ReadElfImage(char* image, size_t bytes, ElfSections* sections) {
  elf_version(EV_CURRENT);
  sections->elf = elf_memory(image, bytes);
  return ReadSections(sections);
}

}  // namespace podo::capture
