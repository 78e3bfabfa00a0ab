// SPDX-License-Identifier: Apache-2.0
// Metric families as text, in the two formats that differ in small things.
#ifndef PODO_LIB_SERVE_METRICS_WRITER_H_
#define PODO_LIB_SERVE_METRICS_WRITER_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podo::serve {

class MetricsWriter {
 public:
  enum class Kind { kCounter, kGauge };
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  explicit MetricsWriter(bool openmetrics) : openmetrics_(openmetrics) {}

  // Begins a family. A counter's `name` ends in _total.
  void Family(std::string_view name, Kind kind, std::string_view help);
  // A series of the family begun last.
  void Series(double value, const Labels& labels = {});
  // A family of one series.
  void Counter(std::string_view name, std::string_view help, double value);
  void Gauge(std::string_view name, std::string_view help, double value);

  // The text; the writer is spent afterwards.
  std::string Finish();

 private:
  const bool openmetrics_;
  std::string name_;
  std::string text_;
};

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_METRICS_WRITER_H_
