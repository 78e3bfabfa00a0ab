// SPDX-License-Identifier: Apache-2.0
#include "capture/modules.h"

#include <doctest/doctest.h>
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "eh_bytes.h"

namespace podo::capture {
namespace {

// A process that is a table of values: bytes at addresses, and who owns which range.
class FakeProcess : public ProcessView {
 public:
  bool Read(uint64_t address, void* to, size_t bytes) override {
    if (on_read) on_read(address);
    for (const auto& [start, content] : memory) {
      if (address < start || address + bytes > start + content.size()) continue;
      std::memcpy(to, content.data() + (address - start), bytes);
      return true;
    }
    return false;
  }
  bool FindObject(uint64_t address, ModuleIdentity* identity) override {
    for (const ModuleIdentity& object : objects) {
      if (address < object.map_start || address >= object.map_end) continue;
      *identity = object;
      return true;
    }
    return false;
  }
  uint64_t Auxiliary(uint64_t type) override {
    return auxiliary.count(type) != 0 ? auxiliary[type] : 0;
  }
  std::string MainPath() override { return "/opt/service"; }

  void PutLinkMap(uint64_t at, uint64_t name, uint64_t dynamic, uint64_t next, uint64_t previous) {
    link_map map{};
    map.l_name = reinterpret_cast<char*>(name);
    map.l_ld = reinterpret_cast<ElfW(Dyn)*>(dynamic);
    map.l_next = reinterpret_cast<link_map*>(next);
    map.l_prev = reinterpret_cast<link_map*>(previous);
    memory[at].resize(sizeof(map));
    std::memcpy(memory[at].data(), &map, sizeof(map));
  }

  std::map<uint64_t, Bytes> memory;
  std::vector<ModuleIdentity> objects;
  std::map<uint64_t, uint64_t> auxiliary;
  std::function<void(uint64_t)> on_read;
};

constexpr uint64_t kBase = 0x7f0000000000;
constexpr uint64_t kSize = 0x4000;
constexpr uint64_t kCode = 0x1000;  // virtual addresses in the module
constexpr uint64_t kHeaderTable = 0x2000;
constexpr uint64_t kEhFrame = 0x2100;
constexpr uint64_t kNote = 0x200;
constexpr uint64_t kMap = 0x610000;
constexpr uint64_t kName = 0x620000;

template <typename T>
void Put(Bytes* image, uint64_t at, const T& value) {
  std::memcpy(image->data() + at, &value, sizeof(value));
}
void PutBytes(Bytes* image, uint64_t at, const Bytes& bytes) {
  std::copy(bytes.begin(), bytes.end(), image->begin() + static_cast<long>(at));
}

// A small shared object: one function of 0x100 bytes, build id 0xab x 20.
Bytes MakeImage() {
  Bytes image(kSize, 0);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 5;
  Put(&image, 0, header);
  const Elf64_Phdr headers[5] = {
      {PT_LOAD, PF_R, 0, 0, 0, 0x1000, 0x1000, 0x1000},
      {PT_LOAD, PF_R | PF_X, kCode, kCode, kCode, 0x100, 0x100, 0x1000},
      {PT_LOAD, PF_R, 0x2000, 0x2000, 0x2000, 0x1000, 0x1000, 0x1000},
      {PT_NOTE, PF_R, kNote, kNote, kNote, 24 + 36, 24 + 36, 4},
      {PT_GNU_EH_FRAME, PF_R, kHeaderTable, kHeaderTable, kHeaderTable, 20, 20, 4},
  };
  Put(&image, sizeof(header), headers);
  PutBytes(&image, kNote,
           Join({Le(6, 4),
                 Le(3, 4),
                 Le(1, 4),
                 Text("Other"),
                 {0, 0},
                 {1, 2, 3, 0},  // another note
                 Le(4, 4),
                 Le(20, 4),
                 Le(NT_GNU_BUILD_ID, 4),
                 Text("GNU"),
                 Bytes(20, 0xab)}));
  EhBytes section(kBase + kEhFrame);
  const size_t fde = section.PlainFde(section.PlainCie(), kBase + kCode, 0x100, {0x41, 0x0e, 16});
  section.Terminator();
  PutBytes(&image, kEhFrame, section.bytes());
  PutBytes(&image, kHeaderTable,
           Join({{1, 0x1b, 0x03, 0x3b},
                 Le(kEhFrame - kHeaderTable - 4, 4),
                 Le(1, 4),
                 Le(kCode - kHeaderTable, 4),
                 Le(kEhFrame + fde - kHeaderTable, 4)}));
  return image;
}

FakeProcess MakeProcess() {
  FakeProcess process;
  process.memory[kBase] = MakeImage();
  process.memory[kName] = Join({Text("/lib/libcart.so"), Bytes(4096, 0)});
  process.PutLinkMap(kMap, kName, kBase + 0x2800, 0, 0);
  process.objects = {{kMap, kBase, kBase + kSize, kBase + kHeaderTable}};
  return process;
}

}  // namespace

TEST_CASE("A module is copied with its name, build id, segments and rows") {
  FakeProcess process = MakeProcess();
  const auto loaded = LoadModuleAt(process, kBase + kCode);
  REQUIRE_MESSAGE(loaded.ok(), std::string(loaded.status().message()));
  CHECK(loaded->module.path == "/lib/libcart.so");
  CHECK(loaded->module.build_id == "abababababababababababababababababababab");
  CHECK(loaded->module.start == kBase);
  CHECK(loaded->module.end == kBase + 0x3000);
  CHECK(loaded->module.load_bias == kBase);
  CHECK(!loaded->module.is_main);
  REQUIRE(loaded->module.segments.size() == 3);
  CHECK(loaded->module.segments[1].start == kBase + kCode);
  CHECK(loaded->module.segments[1].end == kBase + kCode + 0x100);
  CHECK(loaded->module.segments[1].file_offset == kCode);
  CHECK(loaded->module.segments[1].executable);
  CHECK(!loaded->module.segments[2].executable);
  CHECK(loaded->unwind_status.ok());
  CHECK(loaded->table.rows().start == kBase + kCode);
  CHECK(Describe(loaded->table.rows()) == "0:r7+8 1:r7+16");
  CHECK(Describe(*FindRule(loaded->table.rows(), kBase + kCode + 0xff)) == "r7+16");
  CHECK(FindRule(loaded->table.rows(), kBase + kCode + 0x100) == nullptr);
  CHECK(FindRule(loaded->table.rows(), kBase + kCode - 1) == nullptr);
}

TEST_CASE("The main program is told by its program headers and named by /proc") {
  FakeProcess process = MakeProcess();
  process.auxiliary[AT_PHDR] = kBase + 64;
  const auto loaded = LoadModuleAt(process, kBase);
  REQUIRE(loaded.ok());
  CHECK(loaded->module.is_main);
  CHECK(loaded->module.path == "/opt/service");
}

TEST_CASE("A module that the loader knows by one range per segment is one module") {
  struct Case {
    std::string name;
    uint64_t link_map_bias;  // 0: a static program, found by its program headers
    uint64_t program_headers;
  };
  for (const Case& c : {Case{"shared object with holes", kBase, 0},
                        Case{"static program", 0, kBase + sizeof(Elf64_Ehdr)}}) {
    CAPTURE(c.name);
    FakeProcess process = MakeProcess();
    std::memcpy(process.memory[kMap].data(), &c.link_map_bias, sizeof(c.link_map_bias));
    process.auxiliary[AT_PHDR] = c.program_headers;
    process.objects = {{kMap, kBase, kBase + kCode, kBase + kHeaderTable},
                       {kMap, kBase + kCode, kBase + kCode + 0x100, kBase + kHeaderTable},
                       {kMap, kBase + 0x2000, kBase + 0x3000, kBase + kHeaderTable}};
    const ModuleList list = ListModules(process, kBase + kCode);
    CHECK(list.modules.size() == 1);
    for (const uint64_t pc : {kBase + kCode + 1, kBase + 0x2000}) {
      const auto loaded = LoadModuleAt(process, pc);
      REQUIRE_MESSAGE(loaded.ok(), std::string(loaded.status().message()));
      CHECK(loaded->module.start == kBase);
      CHECK(loaded->module.end == kBase + 0x3000);
      CHECK(loaded->module.load_bias == kBase);
      CHECK(loaded->module.is_main == (c.program_headers != 0));
      CHECK(Describe(loaded->table.rows()) == "0:r7+8 1:r7+16");
      CHECK(StillMapped(process, loaded->identity));
      if (c.link_map_bias != 0) CHECK(loaded->identity == list.modules[0]);
    }
  }
}

TEST_CASE("A module that goes away at any moment of the reading is thrown away without a word") {
  FakeProcess counting = MakeProcess();
  int reads = 0;
  counting.on_read = [&](uint64_t) { ++reads; };
  REQUIRE(LoadModuleAt(counting, kBase).ok());
  REQUIRE(reads > 5);
  for (int moment = 1; moment <= reads; ++moment) {
    FakeProcess process = MakeProcess();
    int left = moment;
    process.on_read = [&](uint64_t) {
      if (--left != 0) return;
      process.memory.erase(kBase);
      process.objects.clear();
    };
    CHECK(LoadModuleAt(process, kBase).status().code() == base::StatusCode::kAborted);
  }
}

TEST_CASE("A module replaced by another build at the same place is noticed") {
  FakeProcess process = MakeProcess();
  const auto loaded = LoadModuleAt(process, kBase);
  REQUIRE(loaded.ok());
  CHECK(Unchanged(process, *loaded));
  process.memory[kBase][kNote + 50] ^= 1;  // of the build id
  CHECK(StillMapped(process, loaded->identity));
  CHECK(!Unchanged(process, *loaded));
  process.memory[kBase][kNote + 50] ^= 1;
  process.memory[kBase][kHeaderTable + 12] ^= 1;  // of the search table
  CHECK(!Unchanged(process, *loaded));
  process.memory[kBase][kHeaderTable + 12] ^= 1;
  CHECK(Unchanged(process, *loaded));
  process.objects[0].link_map += 0x40;
  CHECK(!StillMapped(process, loaded->identity));
}

TEST_CASE("Damaged modules give a reason and no rows, or no module, and never a crash") {
  struct Case {
    std::string name;
    uint64_t at;
    Bytes bytes;
    bool module;  // still copied, with gap rows and a status
  };
  const uint64_t phdr = sizeof(Elf64_Ehdr);
  const Case cases[] = {
      {"no ELF magic", 0, {0}, false},
      {"32-bit class", EI_CLASS, {ELFCLASS32}, false},
      {"program headers of another size", offsetof(Elf64_Ehdr, e_phentsize), {32}, false},
      {"no program header", offsetof(Elf64_Ehdr, e_phnum), {0}, false},
      {"65535 program headers", offsetof(Elf64_Ehdr, e_phnum), {0xff, 0xff}, false},
      {"program headers outside", offsetof(Elf64_Ehdr, e_phoff), Le(1 << 30, 8), false},
      {"search table outside", phdr + 4 * sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, p_vaddr),
       Le(0x7000, 8), true},
      {"search table too long", phdr + 4 * sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, p_filesz),
       Le(uint64_t{1} << 40, 8), true},
      {"header of version 2", kHeaderTable, {2}, true},
      {"section pointer outside", kHeaderTable + 4, Le(0x00700000, 4), true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    FakeProcess process = MakeProcess();
    PutBytes(&process.memory[kBase], c.at, c.bytes);
    const auto loaded = LoadModuleAt(process, kBase);
    CHECK(loaded.ok() == c.module);
    if (!loaded.ok()) {
      CHECK(!loaded.status().message().empty());
      continue;
    }
    CHECK(!loaded->unwind_status.ok());
    CHECK(Describe(loaded->table.rows()) == "0:none");
  }
}

TEST_CASE("A module without unwind information has gap rows and no complaint") {
  FakeProcess process = MakeProcess();
  Put(&process.memory[kBase], sizeof(Elf64_Ehdr) + 4 * sizeof(Elf64_Phdr), uint32_t{PT_NULL});
  const auto loaded = LoadModuleAt(process, kBase);
  REQUIRE(loaded.ok());
  CHECK(loaded->unwind_status.ok());
  CHECK(Describe(loaded->table.rows()) == "0:none");
}

TEST_CASE("A module without code has no rows") {
  FakeProcess process = MakeProcess();
  Put(&process.memory[kBase],
      sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, p_flags), uint32_t{PF_R});
  const auto loaded = LoadModuleAt(process, kBase);
  REQUIRE(loaded.ok());
  CHECK(loaded->table.rows().row_count == 0);
  CHECK(FindRule(loaded->table.rows(), kBase + kCode) == nullptr);
}

TEST_CASE("The list is walked from its head, and an entry the loader disowns makes it incomplete") {
  FakeProcess process = MakeProcess();
  constexpr uint64_t head = 0x600000;
  constexpr uint64_t tail = 0x630000;
  process.PutLinkMap(head, kName, 0x400800, kMap, 0);
  process.PutLinkMap(kMap, kName, kBase + 0x2800, tail, head);
  process.PutLinkMap(tail, kName, 0x500800, 0, kMap);
  process.objects.push_back({head, 0x400000, 0x401000, 0});
  process.objects.push_back({tail, 0x500000, 0x501000, 0});
  ModuleList list = ListModules(process, kBase + kCode);
  CHECK(list.complete);
  CHECK(list.modules.size() == 3);

  process.objects.back().link_map = 0x640000;
  list = ListModules(process, kBase + kCode);
  CHECK(!list.complete);
  CHECK(list.modules.size() == 2);
}

TEST_CASE("A list that loops, points nowhere or is not there ends") {
  FakeProcess process = MakeProcess();
  process.PutLinkMap(kMap, kName, kBase + 0x2800, kMap, kMap);
  ModuleList list = ListModules(process, kBase + kCode);
  CHECK(!list.complete);
  CHECK(list.modules.size() == 1);

  process.PutLinkMap(kMap, kName, kBase + 0x2800, 0xdead0000, 0xdead0000);
  list = ListModules(process, kBase + kCode);
  CHECK(!list.complete);
  CHECK(list.modules.size() == 1);

  process.objects.clear();
  list = ListModules(process, kBase + kCode);
  CHECK(!list.complete);
  CHECK(list.modules.empty());
}

}  // namespace podo::capture
