// SPDX-License-Identifier: Apache-2.0
#include "export/exporter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace podo::exporting {
namespace {

constexpr int64_t kTellAgainAfterNs = int64_t{3600} * 1'000'000'000;
// Causes are few; should a message vary after all, the log must not grow with it.
constexpr size_t kMaxCauses = 16;

}  // namespace

std::optional<std::string> FailureLog::Observe(const absl::Status& status, int64_t now_ns) {
  if (!status.ok()) return ObserveFailure(std::string(status.message()), now_ns);
  const uint64_t failures = std::exchange(failures_, 0);
  if (!std::exchange(told_this_time_, false)) return std::nullopt;
  return absl::StrCat("sink ", sink_name_, " works again after ", failures, " failed ",
                      failures == 1 ? "attempt" : "attempts");
}

std::optional<std::string> FailureLog::ObserveFailure(std::string cause, int64_t now_ns) {
  ++failures_;
  std::erase_if(told_, [&](const Told& told) { return now_ns - told.at_ns >= kTellAgainAfterNs; });
  const bool known = std::any_of(told_.begin(), told_.end(),
                                 [&](const Told& told) { return told.cause == cause; });
  if (known || told_.size() >= kMaxCauses) return std::nullopt;
  told_this_time_ = true;
  std::string line = absl::StrCat("sink ", sink_name_, ": ", cause);
  told_.push_back({std::move(cause), now_ns});
  return line;
}

Exporter::Exporter(std::unique_ptr<Sink> sink, std::function<int64_t()> clock,
                   std::function<void(const std::string&)> log)
    : sink_(std::move(sink)),
      clock_(std::move(clock)),
      log_(std::move(log)),
      failures_(sink_->name()) {}

absl::Status Exporter::Export(const Payload& payload) {
  const SendOutcome outcome = sink_->Send(payload, 0);
  const absl::Status status = outcome.verdict == SendVerdict::kDelivered
                                  ? absl::OkStatus()
                                  : absl::UnavailableError(outcome.reason);
  Count(payload, status.ok());
  if (const std::optional<std::string> line = failures_.Observe(status, clock_())) log_(*line);
  return status;
}

void Exporter::Count(const Payload& payload, bool delivered) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  if (delivered) {
    written_.fetch_add(1, kRelaxed);
    bytes_.fetch_add(payload.bytes->size(), kRelaxed);
    return;
  }
  errors_.fetch_add(1, kRelaxed);
  // The next state of a run holds what this one held, so only the last one is lost.
  if (sink_->scope() == PayloadScope::kWindow || payload.is_last) lost_.fetch_add(1, kRelaxed);
}

ExportCounts Exporter::counts() const {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  return {.profiles_written = written_.load(kRelaxed),
          .profiles_lost = lost_.load(kRelaxed),
          .errors = errors_.load(kRelaxed),
          .bytes_written = bytes_.load(kRelaxed)};
}

}  // namespace podo::exporting
