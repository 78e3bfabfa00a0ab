// SPDX-License-Identifier: Apache-2.0
// What a podo-doctor command line asks for.
#ifndef PODO_LIB_TOOLS_DOCTOR_COMMAND_LINE_H_
#define PODO_LIB_TOOLS_DOCTOR_COMMAND_LINE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace podo::doctor {

struct Arguments {
  bool only_modules = false;
  std::vector<std::string> modules;  // process ids and files
  std::vector<std::string> program;  // behind --
  std::optional<std::string> output;
};

// Says on standard error what went wrong; returns the exit status: 1, or 2 for wrong usage.
int Fail(std::string_view what);
int FailUsage(std::string_view what);

// Fills `arguments`, or returns the exit status: help was printed, or what is wrong was said.
std::optional<int> ParseCommandLine(const std::vector<std::string>& words, Arguments* arguments);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_COMMAND_LINE_H_
