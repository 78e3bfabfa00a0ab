// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_modules.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/doctor_file.h"

namespace podo::doctor {
namespace {

// Padding between functions and stubs of the linker have no rows in healthy modules either.
constexpr double kHealthy = 0.85;
constexpr double kDark = 0.5;
// What crt files and the linker's own stubs may lack in a module of any size.
constexpr uint64_t kFewBytes = 1024;
constexpr uint64_t kSomeBytes = 4096;
constexpr double kMuchResidue = 0.02;
constexpr double kSeldom = 0.01;  // modules with a smaller share of the samples are left alone

struct MapsLine {
  std::string range;
  std::string permissions;
  uint64_t bytes = 0;
  uint64_t inode = 0;
  std::string path;  // empty: no file
};

std::optional<MapsLine> ParseLine(const std::string& line) {
  // "start-end perms offset dev inode   path", the path with blanks in it.
  std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 5));
  if (words.size() < 5) return std::nullopt;
  MapsLine mapped;
  mapped.range = words[0];
  mapped.permissions = words[1];
  const std::vector<std::string> ends = absl::StrSplit(words[0], '-');
  uint64_t start = 0, end = 0;
  if (ends.size() != 2 || !absl::SimpleHexAtoi(ends[0], &start) ||
      !absl::SimpleHexAtoi(ends[1], &end) || end < start ||
      !absl::SimpleAtoi(words[4], &mapped.inode)) {
    return std::nullopt;
  }
  mapped.bytes = end - start;
  if (words.size() == 6)
    mapped.path = words[5].substr(std::min(words[5].find_first_not_of(' '), words[5].size()));
  return mapped;
}

bool IsFile(const ModuleFile& file, const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && status.st_ino == file.inode;
}

const char* SymbolsText(Symbols symbols) {
  switch (symbols) {
    case Symbols::kNone:
      return "none";
    case Symbols::kDynamic:
      return "exported only";
    case Symbols::kTable:
      return "names";
    case Symbols::kDebugInfo:
      return "names, lines";
    case Symbols::kDebugFile:
      return "debug file";
  }
  return "";
}

std::vector<std::string> Row(const ModuleFacts& module, uint64_t total_samples) {
  std::vector<std::string> row = {module.name};
  if (total_samples > 0) {
    row.push_back(
        PercentText(static_cast<double>(module.samples) / static_cast<double>(total_samples)));
  }
  if (!module.problem.empty()) {
    row.insert(row.end(), {"-", "-", "-", "-"});
  } else {
    row.insert(row.end(),
               {BytesText(module.coverage.text), PercentText(module.coverage.Share()),
                PercentText(module.coverage.ResidueShare()), SymbolsText(module.symbols.symbols)});
  }
  row.push_back(module.build_id.empty() ? "-" : module.build_id);
  return row;
}

void JudgeRows(const ModuleFacts& module, Findings* findings) {
  const Coverage& coverage = module.coverage;
  const uint64_t dark = coverage.text - coverage.covered - coverage.residue;
  if (!module.unwind_problem.empty()) {
    findings->push_back(
        {Mark::kProblem,
         absl::StrCat(module.name, ": unwind tables unusable: ", module.unwind_problem),
         "Its linker or a post-processing step broke them; link it anew."});
  } else if (coverage.Share() < kDark && dark > kFewBytes) {
    findings->push_back(
        {Mark::kProblem,
         absl::StrCat(module.name, ": ", PercentText(coverage.Share()),
                      " of its code has unwind rows; stacks end there"),
         "Build it with -fasynchronous-unwind-tables (C needs it after "
         "-fno-asynchronous-unwind-tables or -fno-unwind-tables; assembler needs .cfi_ lines). "
         "-fno-omit-frame-pointer helps as well: podo follows frame pointers where rows are "
         "missing."});
  } else if (coverage.Share() < kHealthy && dark > kSomeBytes) {
    findings->push_back(
        {Mark::kNote,
         absl::StrCat(module.name, ": ", PercentText(coverage.Share()),
                      " of its code has unwind rows"),
         "Mostly assembler without .cfi_ lines, and constants amid the code. It matters where "
         "samples fall: podo-doctor -- PROGRAM says which stacks end early."});
  }
  if (coverage.ResidueShare() > kMuchResidue) {
    findings->push_back({Mark::kNote,
                         absl::StrCat(module.name, ": ", PercentText(coverage.ResidueShare()),
                                      " of its code has rules that podo's table cannot hold"),
                         "These stacks are finished by libunwind, later and at a higher price; "
                         "nothing to do."});
  }
  if (module.broken > 0) {
    findings->push_back(
        {Mark::kNote,
         absl::StrCat(module.name, ": ", module.broken, " of its .eh_frame entries cannot be read"),
         "Stacks through these functions end early."});
  }
}

std::string DebugPath(const std::string& build_id) {
  if (build_id.size() < 4) return "a debug file for it (it has no build id: link with --build-id)";
  return absl::StrCat("/usr/lib/debug/.build-id/", build_id.substr(0, 2), "/", build_id.substr(2),
                      ".debug");
}

void JudgeSymbols(const std::vector<const ModuleFacts*>& modules, Findings* findings) {
  std::vector<const ModuleFacts*> nameless;
  for (const ModuleFacts* module : modules) {
    if (!module->symbols.problem.empty()) {
      findings->push_back({Mark::kNote, module->symbols.problem, ""});
    }
    if (module->coverage.text > 0 && module->symbols.symbols <= Symbols::kDynamic) {
      nameless.push_back(module);
    }
  }
  if (nameless.empty()) return;
  constexpr size_t kMostNames = 5;
  std::string names;
  for (size_t i = 0; i < std::min(nameless.size(), kMostNames); ++i) {
    const std::string& name = nameless[i]->name;
    absl::StrAppend(&names, i == 0 ? "" : ", ", name.substr(name.rfind('/') + 1));
  }
  if (nameless.size() > kMostNames) {
    absl::StrAppend(&names, " and ", nameless.size() - kMostNames, " more");
  }
  findings->push_back(
      {Mark::kNote,
       absl::StrCat("without symbols, functions that are not exported are addresses: ", names),
       absl::StrCat("Do not strip what is your own. Of packages install the debug symbols (Debian: "
                    "NAME-dbgsym), which podo finds by build id: ",
                    DebugPath(nameless.front()->build_id))});
}

}  // namespace

ProcessModules ParseMaps(std::string_view maps, const std::string& process) {
  ProcessModules modules;
  std::set<std::pair<uint64_t, std::string>> seen;
  const std::vector<std::string> lines = absl::StrSplit(std::string(maps), '\n');
  for (const std::string& line : lines) {
    const std::optional<MapsLine> mapped = ParseLine(line);
    if (!mapped || mapped->permissions.find('x') == std::string::npos) continue;
    if (mapped->path.starts_with("[v")) continue;  // [vdso], [vsyscall]
    if (mapped->inode == 0) {
      modules.anonymous_code += mapped->bytes;
      continue;
    }
    if (!seen.emplace(mapped->inode, mapped->path).second) continue;
    ModuleFile file;
    file.name = mapped->path;
    file.path = absl::StrCat(process, "/root", mapped->path);
    file.inode = mapped->inode;
    if (!IsFile(file, file.path)) {
      file.path = absl::StrCat(process, "/map_files/", mapped->range);
    }
    modules.files.push_back(std::move(file));
  }
  return modules;
}

base::StatusOr<ProcessModules> ModulesOfProcess(pid_t pid) {
  const std::string process = absl::StrCat("/proc/", pid);
  const base::StatusOr<std::string> maps = ReadFile(process + "/maps", size_t{64} << 20);
  if (!maps.ok()) {
    return base::Status(maps.status().code(),
                        absl::StrCat("process ", pid, ": ", maps.status().message()));
  }
  if (maps->empty()) {
    return base::NotFoundError(
        absl::StrCat("process ", pid, ": no memory is mapped (a kernel thread, or it has ended)"));
  }
  return ParseMaps(*maps, process);
}

ModuleFacts ReadModule(const ModuleFile& file, uint64_t max_unpacked_bytes) {
  ModuleFacts facts;
  facts.name = file.name;
  facts.build_id = file.build_id;
  facts.samples = file.samples;
  if (file.inode != 0 && !IsFile(file, file.path)) {
    facts.problem = "the mapped file is not there any more (replaced while the process runs?)";
    return facts;
  }
  const base::StatusOr<ElfRows> elf = ReadElfRows(file.path);
  if (!elf.ok()) {
    facts.problem = std::string(elf.status().message());
    return facts;
  }
  if (!file.build_id.empty() && elf->build_id != file.build_id) {
    facts.problem = "the file is another one by now (its build id differs)";
    return facts;
  }
  facts.build_id = elf->build_id;
  facts.coverage = elf->coverage;
  facts.row_count = elf->row_count;
  facts.broken = elf->broken;
  facts.unwind_problem = elf->unwind_problem;
  facts.symbols = FindSymbols(file.path, elf->build_id, max_unpacked_bytes);
  return facts;
}

Section ModulesSection(const std::string& of_what, const std::vector<ModuleFacts>& modules,
                       uint64_t anonymous_code, uint64_t total_samples) {
  Section section;
  section.title = absl::StrCat("Modules of ", of_what);
  Table& table = section.table;
  table.head = {"module", "code", "with rows", "residue", "symbols", "build id"};
  table.is_number = {false, true, true, true, false, false};
  if (total_samples > 0) {
    table.head.insert(table.head.begin() + 1, "samples");
    table.is_number.insert(table.is_number.begin() + 1, true);
  }
  std::vector<const ModuleFacts*> judged;
  for (const ModuleFacts& module : modules) {
    if (module.problem.empty() || total_samples > 0) {
      table.rows.push_back(Row(module, total_samples));
    }
    if (!module.problem.empty()) {
      section.findings.push_back(
          {Mark::kProblem, absl::StrCat(module.name, ": ", module.problem), ""});
      continue;
    }
    const bool is_seldom =
        static_cast<double>(module.samples) < kSeldom * static_cast<double>(total_samples);
    if (total_samples > 0 && is_seldom) continue;
    JudgeRows(module, &section.findings);
    judged.push_back(&module);
  }
  JudgeSymbols(judged, &section.findings);
  if (anonymous_code > 0) {
    section.findings.push_back(
        {Mark::kNote,
         absl::StrCat(BytesText(anonymous_code),
                      " of code belongs to no file (a just-in-time "
                      "compiler)"),
         "It has no rows and no names; podo steps over it by frame pointers if it keeps them "
         "(Java: -XX:+PreserveFramePointer)."});
  }
  if (section.findings.empty()) {
    section.findings.push_back({Mark::kOk, "every module can be unwound and has names", ""});
  }
  return section;
}

}  // namespace podo::doctor
