// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "model/utf8.h"

namespace podo::doctor {
namespace {

constexpr size_t kWidth = 100;        // where advice is broken
constexpr size_t kAdviceIndent = 11;  // under the finding's text

std::string Plain(std::string_view text) {
  std::string plain = model::ToValidUtf8(text);
  for (char& c : plain) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return plain;
}

// Characters, not bytes: good enough for what file names and services are called.
size_t Columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

void AppendRow(const std::vector<std::string>& row, const std::vector<size_t>& widths,
               const std::vector<bool>& is_number, std::string* out) {
  std::string line;
  for (size_t i = 0; i < row.size(); ++i) {
    const std::string cell = Plain(row[i]);
    const std::string padding(widths[i] - Columns(cell), ' ');
    const bool right = i < is_number.size() && is_number[i];
    absl::StrAppend(&line, "  ", right ? padding : "", cell, right ? "" : padding);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  absl::StrAppend(out, line, "\n");
}

void AppendTable(const Table& table, std::string* out) {
  if (table.rows.empty()) return;
  std::vector<size_t> widths(table.head.size());
  const auto widen = [&](const std::vector<std::string>& row) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Columns(Plain(row[i])));
  };
  widen(table.head);
  for (const auto& row : table.rows) widen(row);
  if (!table.head.empty()) AppendRow(table.head, widths, table.is_number, out);
  for (const auto& row : table.rows) AppendRow(row, widths, table.is_number, out);
}

std::string_view Word(Mark mark) {
  if (mark == Mark::kOk) return "ok";
  return mark == Mark::kNote ? "note" : "problem";
}

void AppendAdvice(const std::string& advice, std::string* out) {
  std::string line;
  const std::string indent(kAdviceIndent, ' ');
  const std::vector<std::string> words = absl::StrSplit(Plain(advice), ' ');
  for (const std::string& word : words) {
    if (!line.empty() && Columns(line) + 1 + Columns(word) > kWidth - kAdviceIndent) {
      absl::StrAppend(out, indent, line, "\n");
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  absl::StrAppend(out, indent, line, "\n");
}

void AppendFinding(const Finding& finding, std::string* out) {
  absl::StrAppendFormat(out, "  %-7s  %s\n", Word(finding.mark), Plain(finding.text));
  if (!finding.advice.empty()) AppendAdvice(finding.advice, out);
}

size_t Count(const std::vector<Section>& sections, Mark mark) {
  size_t count = 0;
  for (const Section& section : sections) {
    for (const Finding& finding : section.findings) count += finding.mark == mark ? 1 : 0;
  }
  return count;
}

}  // namespace

std::string ReportText(const std::vector<Section>& sections) {
  std::string text;
  for (const Section& section : sections) {
    absl::StrAppend(&text, section.title, "\n");
    AppendTable(section.table, &text);
    if (!section.table.rows.empty() && !section.findings.empty()) text += "\n";
    for (const Finding& finding : section.findings) AppendFinding(finding, &text);
    text += "\n";
  }
  absl::StrAppend(&text, CountText(Count(sections, Mark::kProblem), "problem"), ", ",
                  CountText(Count(sections, Mark::kNote), "note"), "\n");
  return text;
}

bool HasProblem(const std::vector<Section>& sections) {
  return Count(sections, Mark::kProblem) > 0;
}

std::string NumberText(double number) {
  std::string text = absl::StrFormat("%.3f", number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string BytesText(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return NumberText(std::round(value * 10) / 10) + kUnits[unit];
}

std::string DurationText(int64_t ns) {
  const double value = static_cast<double>(ns);
  if (ns >= 3'600'000'000'000) return NumberText(value / 3.6e12) + "h";
  if (ns >= 1'000'000'000 || ns == 0) return NumberText(value / 1e9) + "s";
  return NumberText(value / 1e6) + "ms";
}

std::string PercentText(double share) { return absl::StrFormat("%.1f %%", share * 100); }

std::string CountText(uint64_t count, std::string_view noun) {
  return absl::StrCat(count, " ", std::string(noun), count == 1 ? "" : "s");
}

}  // namespace podo::doctor
