// SPDX-License-Identifier: Apache-2.0
// Gets payloads to one sink, counts what became of them and says so, once per cause.
#ifndef PODO_LIB_EXPORT_EXPORTER_H_
#define PODO_LIB_EXPORT_EXPORTER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "export/sink.h"

namespace podo::exporting {

// Turns the results of one sink into log lines. A sink that fails fails again with every window, so
// a cause is told once, and again only after an hour; the end of trouble that was told is told.
class FailureLog {
 public:
  explicit FailureLog(std::string sink_name) : sink_name_(std::move(sink_name)) {}

  // The line to log now, if any. `now_ns` of a steady clock.
  std::optional<std::string> Observe(const absl::Status& status, int64_t now_ns);

 private:
  struct Told {
    std::string cause;
    int64_t at_ns;
  };
  std::optional<std::string> ObserveFailure(std::string cause, int64_t now_ns);

  std::string sink_name_;
  std::vector<Told> told_;
  uint64_t failures_ = 0;  // in a row
  bool told_this_time_ = false;
};

// What podo_stats reports of exporting. Monotonic.
struct ExportCounts {
  uint64_t profiles_written = 0;
  uint64_t profiles_lost = 0;  // a window refused, or the last state of a whole run
  uint64_t errors = 0;         // failed attempts
  uint64_t bytes_written = 0;
};

// Prepare and Export are called by one thread, counts() by any.
class Exporter {
 public:
  // `clock` is steady, in ns; `log` takes a line of warning level.
  Exporter(std::unique_ptr<Sink> sink, std::function<int64_t()> clock,
           std::function<void(const std::string&)> log);

  const Sink& sink() const { return *sink_; }
  void Prepare() { sink_->Prepare(); }
  absl::Status Export(const Payload& payload);
  ExportCounts counts() const;

 private:
  void Count(const Payload& payload, bool delivered);

  std::unique_ptr<Sink> sink_;
  std::function<int64_t()> clock_;
  std::function<void(const std::string&)> log_;
  FailureLog failures_;
  // Relaxed: each counter is read for itself.
  std::atomic<uint64_t> written_{0}, lost_{0}, errors_{0}, bytes_{0};
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_EXPORTER_H_
