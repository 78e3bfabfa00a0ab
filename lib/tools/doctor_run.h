// SPDX-License-Identifier: Apache-2.0
// Runs a program under the preload library, for its profiles and podo's log.
#ifndef PODO_LIB_TOOLS_DOCTOR_RUN_H_
#define PODO_LIB_TOOLS_DOCTOR_RUN_H_

#include <signal.h>

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "tools/doctor_log.h"
#include "tools/doctor_report.h"

namespace podo::doctor {

// The variables of the program: those of `entries`, but windows go to `directory`, podo's log says
// all, nothing listens and nothing of the service's own spool or history is touched. Pure.
std::vector<std::string> RunEnvironment(absl::Span<const char* const> entries,
                                        const std::string& preload, const std::string& directory);

struct RunEnd {
  int wait_status = 0;                 // as waitpid has it
  std::vector<std::string> log_lines;  // podo's own, of all processes
  // What a shell would say: the program's, or 128 + the signal.
  int ExitStatus() const;
};

// Waits for the program. Its standard error passes through, without podo's lines. Signals that are
// sent to this process go on to the program; those of a terminal reach it anyway. `unblocked`: the
// caller's mask before it changed it is the program's. The error is one line.
base::StatusOr<RunEnd> RunProgram(const std::vector<std::string>& program,
                                  const std::vector<std::string>& environment,
                                  const sigset_t& program_mask);

// What can be told of the program's file before it runs.
struct ProgramFacts {
  std::string path;  // found by PATH; empty: not found
  bool is_static = false;
  bool gains_privileges = false;  // set-user-id or set-group-id
};
ProgramFacts LookAtProgram(const std::string& name);

// Pure. `samples`: stacks in the profiles.
Section RunSection(const std::string& name, const ProgramFacts& program, const RunEnd& end,
                   const RunLog& log, bool is_enabled, uint64_t samples);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_RUN_H_
