// SPDX-License-Identifier: Apache-2.0
#include "symbolize/elf_check.h"

#include <doctest/doctest.h>
#include <elf.h>

#include <cstring>
#include <functional>
#include <string>

#include "loaded_module.h"

namespace podo::symbolize {
namespace {

Bytes BytesOf(const std::string& text) {
  return Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

Elf64_Ehdr* Header(std::string& image) { return reinterpret_cast<Elf64_Ehdr*>(image.data()); }

Elf64_Shdr* Section(std::string& image, uint32_t type) {
  auto* sections = reinterpret_cast<Elf64_Shdr*>(image.data() + Header(image)->e_shoff);
  for (int i = 0; i < Header(image)->e_shnum; ++i) {
    if (sections[i].sh_type == type) return &sections[i];
  }
  FAIL("no section of that type");
  return nullptr;
}

TEST_CASE("a sound file passes") {
  CHECK(CheckElf(BytesOf(ReadWholeFile(ShopPath("gcc_dwarf5")))).value() == 0);
  CHECK(CheckElf(BytesOf(ReadWholeFile(ShopPath("debug_only")))).ok());
  CHECK(CheckElf(BytesOf(ReadWholeFile(ShopPath("compressed")))).value() > 1000);
}

TEST_CASE("each damaged header is refused with a sentence") {
  const struct {
    const char* sentence;
    std::function<void(std::string&)> damage;
  } kCases[] = {
      {"not an ELF file", [](std::string& i) { i.resize(20); }},
      {"not an ELF file", [](std::string& i) { i[1] = 'X'; }},
      {"64-bit little-endian", [](std::string& i) { i[EI_CLASS] = ELFCLASS32; }},
      {"64-bit little-endian", [](std::string& i) { i[EI_DATA] = ELFDATA2MSB; }},
      {"neither a program", [](std::string& i) { Header(i)->e_type = ET_REL; }},
      {"program header offset", [](std::string& i) { Header(i)->e_phoff = ~uint64_t{0} - 8; }},
      {"program header size", [](std::string& i) { Header(i)->e_phentsize = 8; }},
      {"section header offset", [](std::string& i) { Header(i)->e_shoff = i.size(); }},
      {"section header size", [](std::string& i) { Header(i)->e_shentsize = 1; }},
      {"section count", [](std::string& i) { Header(i)->e_shnum = 0xFEFF; }},
      {"section size", [](std::string& i) { Section(i, SHT_PROGBITS)->sh_size = ~0ull; }},
      {"section size", [](std::string& i) { Section(i, SHT_SYMTAB)->sh_offset = i.size(); }},
      {"section entry size", [](std::string& i) { Section(i, SHT_SYMTAB)->sh_entsize = 1; }},
      {"section link", [](std::string& i) { Section(i, SHT_DYNSYM)->sh_link = 4000; }},
  };
  const std::string sound = ReadWholeFile(ShopPath("gcc_dwarf5"));
  for (const auto& c : kCases) {
    CAPTURE(std::string(c.sentence));
    std::string image = sound;
    c.damage(image);
    const base::StatusOr<uint64_t> checked = CheckElf(BytesOf(image));
    REQUIRE_FALSE(checked.ok());
    CHECK(std::string(checked.status().message()).find(c.sentence) != std::string::npos);
  }
}

TEST_CASE("a cut at any length is refused or read, never more") {
  const std::string sound = ReadWholeFile(ShopPath("gcc_dwarf5"));
  for (size_t size = 0; size < sound.size(); size += 61) {
    // An exact copy, so that AddressSanitizer sees a read behind it.
    const std::string cut(sound, 0, size);
    CHECK_FALSE(CheckElf(BytesOf(cut)).ok());
  }
}

}  // namespace
}  // namespace podo::symbolize
