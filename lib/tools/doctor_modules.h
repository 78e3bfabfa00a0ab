// SPDX-License-Identifier: Apache-2.0
// The modules of a process, or files, and what podo can do with each.
#ifndef PODO_LIB_TOOLS_DOCTOR_MODULES_H_
#define PODO_LIB_TOOLS_DOCTOR_MODULES_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tools/doctor_elf.h"
#include "tools/doctor_report.h"

namespace podo::doctor {

// To be looked at.
struct ModuleFile {
  std::string name;      // as it is shown
  std::string path;      // where it can be read
  uint64_t inode = 0;    // of the mapped file; 0: whatever stands at `path`
  std::string build_id;  // of the mapped file; empty: any
  uint64_t samples = 0;  // of a run
};

struct ModuleFacts {
  std::string name;
  std::string build_id;
  std::string problem;  // why nothing is known of it
  Coverage coverage;
  uint32_t row_count = 0;
  uint32_t broken = 0;
  std::string unwind_problem;
  SymbolFacts symbols;
  uint64_t samples = 0;
};

struct ProcessModules {
  std::vector<ModuleFile> files;
  uint64_t anonymous_code = 0;  // bytes of executable memory of no file: a just-in-time compiler
};

// From the text of /proc/PID/maps: files that are mapped as code. `process` is "/proc/PID". Pure.
ProcessModules ParseMaps(std::string_view maps, const std::string& process);

// Of a process that this one may read. The error is one line.
base::StatusOr<ProcessModules> ModulesOfProcess(pid_t pid);

ModuleFacts ReadModule(const ModuleFile& file, uint64_t max_unpacked_bytes);

// Pure. `total_samples` 0: not of a run, and the table has no column of samples.
Section ModulesSection(const std::string& of_what, const std::vector<ModuleFacts>& modules,
                       uint64_t anonymous_code, uint64_t total_samples);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_MODULES_H_
