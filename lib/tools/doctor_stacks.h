// SPDX-License-Identifier: Apache-2.0
// Of the profiles of a run: which modules took the time, and where stacks ended early.
#ifndef PODO_LIB_TOOLS_DOCTOR_STACKS_H_
#define PODO_LIB_TOOLS_DOCTOR_STACKS_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/profile.h"
#include "tools/doctor_elf.h"
#include "tools/doctor_report.h"

namespace podo::doctor {

// A function behind which nothing could be found.
struct EarlyEnd {
  std::string module;  // path; empty: code of no file
  std::string build_id;
  std::string function;      // or the address in the file
  uint64_t file_offset = 0;  // of one of its samples
  uint64_t samples = 0;
};

struct ModuleUse {
  std::string path;
  std::string build_id;
  uint64_t samples = 0;  // whose leaf lies in it
};

class StackSum {
 public:
  void Add(const model::Profile& profile);

  uint64_t samples() const { return samples_; }  // with a stack
  uint64_t incomplete() const { return incomplete_; }
  // Both by samples, most first.
  std::vector<EarlyEnd> EarlyEnds() const;
  std::vector<ModuleUse> Modules() const;

 private:
  uint64_t samples_ = 0;
  uint64_t incomplete_ = 0;
  std::map<std::tuple<std::string, std::string, std::string>, EarlyEnd> ends_;
  std::map<std::pair<std::string, std::string>, uint64_t> modules_;
};

// Why a stack cannot go on behind a frame.
enum class Cause { kNoFile, kUnknown, kNoRow, kResidue, kHasRow };

// `elf` is the module's file, null if it cannot be read.
Cause CauseOf(const EarlyEnd& end, const ElfRows* elf);

// A table of the ends and what to do about each cause. `causes` has as many elements as `ends`.
Section EarlyEndsSection(const std::vector<EarlyEnd>& ends, const std::vector<Cause>& causes,
                         uint64_t incomplete, uint64_t samples);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_STACKS_H_
