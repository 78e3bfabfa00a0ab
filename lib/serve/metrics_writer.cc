// SPDX-License-Identifier: Apache-2.0
#include "serve/metrics_writer.h"

#include <cmath>
#include <cstdio>

namespace podo::serve {
namespace {

void AppendEscaped(std::string* out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\' || c == '"') out->push_back('\\');
    if (c == '\n') {
      out->append("\\n");
    } else {
      out->push_back(c);
    }
  }
}

// The shortest text that reads back as `value`; whole numbers without an exponent, as far as a
// double holds them.
std::string NumberText(double value) {
  constexpr double kWhole = 9007199254740992.0;  // 2^53
  char text[40];
  if (value == std::floor(value) && std::abs(value) <= kWhole) {
    std::snprintf(text, sizeof text, "%.0f", value);
  } else {
    std::snprintf(text, sizeof text, "%.15g", value);
  }
  for (char* c = text; *c != '\0'; ++c) {
    if (*c == ',') *c = '.';  // the host's locale
  }
  return text;
}

}  // namespace

void MetricsWriter::Family(std::string_view name, Kind kind, std::string_view help) {
  name_ = name;
  constexpr std::string_view kTotal = "_total";
  // OpenMetrics names a counter without the ending that its series have.
  const bool is_counter = kind == Kind::kCounter;
  const std::string_view family =
      openmetrics_ && is_counter ? name.substr(0, name.size() - kTotal.size()) : name;
  text_.append("# HELP ").append(family).append(" ");
  AppendEscaped(&text_, help);
  text_.append("\n# TYPE ").append(family).append(is_counter ? " counter\n" : " gauge\n");
}

void MetricsWriter::Series(double value, const Labels& labels) {
  text_.append(name_);
  char separator = '{';
  for (const auto& [key, label] : labels) {
    text_.push_back(separator);
    text_.append(key).append("=\"");
    AppendEscaped(&text_, label);
    text_.push_back('"');
    separator = ',';
  }
  if (!labels.empty()) text_.push_back('}');
  text_.append(" ").append(NumberText(value)).append("\n");
}

void MetricsWriter::Counter(std::string_view name, std::string_view help, double value) {
  Family(name, Kind::kCounter, help);
  Series(value);
}

void MetricsWriter::Gauge(std::string_view name, std::string_view help, double value) {
  Family(name, Kind::kGauge, help);
  Series(value);
}

std::string MetricsWriter::Finish() {
  if (openmetrics_) text_.append("# EOF\n");
  return std::move(text_);
}

}  // namespace podo::serve
