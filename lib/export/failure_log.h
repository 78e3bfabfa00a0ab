// SPDX-License-Identifier: Apache-2.0
// Turns the results of one sink into log lines, few of them.
#ifndef PODO_LIB_EXPORT_FAILURE_LOG_H_
#define PODO_LIB_EXPORT_FAILURE_LOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace podo::exporting {

// A sink that fails fails again with every window, so a cause is told once, and again only after an
// hour; the end of trouble that was told is told. `now_ns` of a steady clock.
class FailureLog {
 public:
  explicit FailureLog(std::string sink_name) : sink_name_(std::move(sink_name)) {}

  // The line to log now, if any.
  std::optional<std::string> ObserveSuccess();
  std::optional<std::string> ObserveFailure(std::string cause, int64_t now_ns);
  // What is worth a line but no failed attempt: a receiver's warning, a profile lost.
  std::optional<std::string> ObserveNote(std::string note, int64_t now_ns);

 private:
  struct Told {
    std::string cause;
    int64_t at_ns;
  };

  std::string sink_name_;
  std::vector<Told> told_;
  uint64_t failures_ = 0;  // in a row
  bool told_this_time_ = false;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_FAILURE_LOG_H_
