// SPDX-License-Identifier: Apache-2.0
#include "export/failure_log.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace podo::exporting {
namespace {

constexpr int64_t kTellAgainAfterNs = int64_t{3600} * 1'000'000'000;
// Causes are few; should a message vary after all, the log must not grow with it.
constexpr size_t kMaxCauses = 16;

}  // namespace

std::optional<std::string> FailureLog::ObserveSuccess() {
  const uint64_t failures = std::exchange(failures_, 0);
  if (!std::exchange(told_this_time_, false)) return std::nullopt;
  return absl::StrCat("sink ", sink_name_, " works again after ", failures, " failed ",
                      failures == 1 ? "attempt" : "attempts");
}

std::optional<std::string> FailureLog::ObserveFailure(std::string cause, int64_t now_ns) {
  ++failures_;
  std::optional<std::string> line = ObserveNote(std::move(cause), now_ns);
  if (line) told_this_time_ = true;
  return line;
}

std::optional<std::string> FailureLog::ObserveNote(std::string note, int64_t now_ns) {
  std::erase_if(told_, [&](const Told& told) { return now_ns - told.at_ns >= kTellAgainAfterNs; });
  const bool known =
      std::any_of(told_.begin(), told_.end(), [&](const Told& told) { return told.cause == note; });
  if (known || told_.size() >= kMaxCauses) return std::nullopt;
  std::string line = absl::StrCat("sink ", sink_name_, ": ", note);
  told_.push_back({std::move(note), now_ns});
  return line;
}

}  // namespace podo::exporting
