// SPDX-License-Identifier: Apache-2.0
// What a podo-flame command line asks for.
#ifndef PODO_LIB_TOOLS_COMMAND_LINE_H_
#define PODO_LIB_TOOLS_COMMAND_LINE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "encode/label_filter.h"
#include "tools/merge_files.h"

namespace podo::tools {

enum class Form { kPage, kTop, kLabels, kFolded, kMerge };

struct Arguments {
  std::vector<std::string> files;
  Form form = Form::kPage;
  size_t rows = 20;  // of a table
  std::string type;
  std::optional<std::string> output;
  std::optional<std::string> title;
  std::vector<std::string> by_labels;     // with kFolded
  std::vector<encode::LabelWish> labels;  // not with kMerge
  TimeRange range;                        // with kMerge
};

// Says on standard error what went wrong; returns the exit status: 1, or 2 for wrong usage.
int Fail(std::string_view what);
int FailUsage(std::string_view what);

// Fills `arguments`, or returns the exit status: help was printed, or what is wrong was said.
std::optional<int> ParseCommandLine(int argc, char** argv, Arguments* arguments);

}  // namespace podo::tools

#endif  // PODO_LIB_TOOLS_COMMAND_LINE_H_
