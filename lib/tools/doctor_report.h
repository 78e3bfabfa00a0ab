// SPDX-License-Identifier: Apache-2.0
// What podo-doctor says, as values, and how it looks as text. Pure functions.
#ifndef PODO_LIB_TOOLS_DOCTOR_REPORT_H_
#define PODO_LIB_TOOLS_DOCTOR_REPORT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace podo::doctor {

enum class Mark {
  kOk,
  kNote,     // works, but not as well or not as somebody may expect
  kProblem,  // does not work, or not as it was asked for
};

struct Finding {
  Mark mark = Mark::kOk;
  std::string text;    // one line
  std::string advice;  // what to do; empty: nothing
};
using Findings = std::vector<Finding>;

// Columns are as wide as their widest cell; the last one has no padding.
struct Table {
  std::vector<std::string> head;  // empty: no line above the rows
  std::vector<std::vector<std::string>> rows;
  std::vector<bool> is_number;  // of each column: aligned to the right
};

struct Section {
  std::string title;
  Table table;
  Findings findings;
};

// Section after section with an empty line between them, and a last line that counts. Foreign text
// in it becomes valid UTF-8 without control characters.
std::string ReportText(const std::vector<Section>& sections);

bool HasProblem(const std::vector<Section>& sections);

// "64MiB", "1.5GiB", "512B"; "10s", "250ms"; "12.3 %". As PODO_* variables are written where exact.
std::string BytesText(uint64_t bytes);
std::string DurationText(int64_t ns);
std::string PercentText(double share);  // of 1
// At most three decimals, no trailing zeros: "100", "0.25".
std::string NumberText(double number);
// "1 thread", "2 threads".
std::string CountText(uint64_t count, std::string_view noun);

}  // namespace podo::doctor

#endif  // PODO_LIB_TOOLS_DOCTOR_REPORT_H_
