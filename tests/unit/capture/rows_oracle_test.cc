// SPDX-License-Identifier: Apache-2.0
// Row by row against libdw, an independent reader of the same bytes, on the libraries that services
// really run through.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <link.h>
#include <sys/auxv.h>

#include <chrono>
#include <cstring>
#include <string>

#include "absl/strings/str_format.h"
#include "capture/eh_frame.h"
#include "cfi_oracle.h"
#include "elf_sections.h"

namespace podo::capture {
namespace {

#if defined(__aarch64__)
constexpr char kLoader[] = "ld-linux-aarch64.so.1";
#else
constexpr char kLoader[] = "ld-linux-x86-64.so.2";
#endif

struct Comparison {
  uint64_t addresses = 0;
  uint64_t disagreements = 0;
  uint64_t unsupported_bytes = 0;
  uint64_t gap_bytes = 0;
  uint64_t code_bytes = 0;
};

void CompareAt(Dwarf_CFI* cfi, uint64_t pc, const UnwindRule& rule, const std::string& name,
               Comparison* all, uint64_t* row_end) {
  const Unwound oracle = UnwindByLibdw(cfi, pc);
  *row_end = oracle.row_end;
  ++all->addresses;
  const std::string difference = Difference(oracle, UnwindByRule(rule, pc));
  if (difference.empty()) return;
  if (++all->disagreements <= 5) {
    FAIL_CHECK(absl::StrFormat("%s pc %#x: %s", name, pc, difference));
  }
}

// Every `step`th row: at its first byte, wherever libdw starts another row inside it, and at its
// last byte. With step 1 no address is left that could differ, gaps apart.
void CompareRows(Dwarf_CFI* cfi, const ModuleRows& rows, uint32_t step, const std::string& name,
                 Comparison* all) {
  for (uint32_t i = 0; i < rows.row_count; ++i) {
    const uint64_t start = rows.start + rows.rows[i].pc_offset;
    const uint64_t end =
        i + 1 < rows.row_count ? rows.start + rows.rows[i + 1].pc_offset : rows.end;
    const UnwindRule* rule = FindRule(rows, start);
    REQUIRE(rule == &rows.rules[rows.rows[i].rule]);
    REQUIRE(FindRule(rows, end - 1) == rule);
    all->code_bytes += end - start;
    if (rule->kind == CfaKind::kUnsupported) all->unsupported_bytes += end - start;
    if (rule->kind == CfaKind::kNoUnwind) all->gap_bytes += end - start;
    if (i % step != 0) continue;
    uint64_t row_end = 0;
    for (uint64_t pc = start; pc < end; pc = row_end) {
      CompareAt(cfi, pc, *rule, name, all, &row_end);
      if (row_end <= pc) break;
    }
    CompareAt(cfi, end - 1, *rule, name, all, &row_end);
  }
}

void CheckModule(const std::string& name, const ElfSections& sections, uint32_t step,
                 uint64_t* addresses) {
  const auto begin = std::chrono::steady_clock::now();
  EhFrameCounts counts;
  const base::StatusOr<RowTable> table = BuildRows(sections.Input(), &counts);
  const auto end = std::chrono::steady_clock::now();
  REQUIRE_MESSAGE(table.ok(), std::string(table.status().message()));
  CHECK(counts.broken == 0);
  if (const auto header = ReadEhFrameHeader(sections.eh_frame_hdr, sections.eh_frame_hdr_address);
      header.ok() && header->table_count != 0) {
    CHECK(counts.fdes + counts.overlapping + counts.outside_text >= header->table_count);
  }
  const ModuleRows& rows = table->rows();
  Dwarf_CFI* cfi = dwarf_getcfi_elf(sections.elf);
  REQUIRE(cfi != nullptr);
  Comparison all;
  CompareRows(cfi, rows, step, name, &all);
  dwarf_cfi_end(cfi);
  CHECK(all.disagreements == 0);
  CHECK(static_cast<double>(table->bytes()) <= 4096 + 0.3 * static_cast<double>(all.code_bytes));
  *addresses += all.addresses;
  MESSAGE(absl::StrFormat(
      "%-24s fdes %6d rows %7d rules %5d bytes/code byte %.3f build %.2f ms unsupported %.3f%% "
      "gaps %.2f%% (dropped %d, overlapping %d), compared %d",
      name, counts.fdes, rows.row_count, rows.rule_count,
      static_cast<double>(table->bytes()) / static_cast<double>(all.code_bytes),
      std::chrono::duration<double, std::milli>(end - begin).count(),
      100.0 * static_cast<double>(all.unsupported_bytes) / static_cast<double>(all.code_bytes),
      100.0 * static_cast<double>(all.gap_bytes) / static_cast<double>(all.code_bytes),
      counts.outside_text, counts.overlapping, all.addresses));
}

// The file behind a library name, as the loader finds it; empty if it is not installed.
std::string PathOf(const char* soname) {
  void* handle = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) return "";
  link_map* map = nullptr;
  std::string path;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0) path = map->l_name;
  dlclose(handle);
  return path;
}

}  // namespace

TEST_CASE("Every row of the libraries a service stands on says what libdw's reader says") {
  struct Case {
    const char* soname;
    uint32_t step;  // 1 = every row
    bool required;
  };
  const Case cases[] = {
      {"libc.so.6", 1, true},
      {"libstdc++.so.6", 1, true},
      {"libgcc_s.so.1", 1, true},
      {"libm.so.6", 1, true},
      {kLoader, 1, true},
      {"libzstd.so.1", 1, true},
      {"libdw.so.1", 1, true},
      {"libcrypto.so.3", 1, false},
      {"libssl.so.3", 1, false},
      {"libLLVM-14.so.1", 100, false},
      {"libclang-cpp.so.14", 100, false},
  };
  uint64_t addresses = 0;
  for (const Case& c : cases) {
    const std::string path = PathOf(c.soname);
    if (path.empty()) {
      CHECK_MESSAGE(!c.required, c.soname);
      MESSAGE(absl::StrFormat("%s is not installed here", c.soname));
      continue;
    }
    ElfSections sections;
    REQUIRE_MESSAGE(ReadElfFile(path, &sections), c.soname);
    CheckModule(c.soname, sections, c.step, &addresses);
  }
  CHECK(addresses >= 200000);
}

TEST_CASE("Every row of this program and of the vDSO says what libdw's reader says") {
  uint64_t addresses = 0;
  ElfSections self;
  REQUIRE(ReadElfFile("/proc/self/exe", &self));
  CheckModule("this program", self, 1, &addresses);
  const auto vdso = getauxval(AT_SYSINFO_EHDR);
  REQUIRE(vdso != 0);
  char* image = reinterpret_cast<char*>(vdso);
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(image);
  ElfSections sections;  // the section headers stand at the end of the image
  REQUIRE(ReadElfImage(image, header->e_shoff + size_t{header->e_shnum} * header->e_shentsize,
                       &sections));
  CheckModule("vDSO", sections, 1, &addresses);
}

}  // namespace podo::capture
