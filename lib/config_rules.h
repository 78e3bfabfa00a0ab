// SPDX-License-Identifier: Apache-2.0
// What each setting accepts, the same for the environment and for options in code. Pure functions;
// an error's message says what is accepted and nothing else.
#ifndef PODO_LIB_CONFIG_RULES_H_
#define PODO_LIB_CONFIG_RULES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "config.h"

namespace podo {

absl::StatusOr<double> CheckSampleHz(double hz);
absl::StatusOr<uint32_t> CheckMaxFrames(int64_t frames);
absl::StatusOr<uint32_t> CheckMaxThreads(int64_t threads);
absl::StatusOr<int64_t> CheckIntervalNs(int64_t ns);
absl::StatusOr<int64_t> CheckExitTimeoutNs(int64_t ns);
absl::StatusOr<uint64_t> CheckSymbolBytes(uint64_t bytes);

absl::StatusOr<double> ParseSampleHz(std::string_view text);
absl::StatusOr<uint32_t> ParseMaxFrames(std::string_view text);
absl::StatusOr<uint32_t> ParseMaxThreads(std::string_view text);
absl::StatusOr<int64_t> ParseIntervalNs(std::string_view text);
absl::StatusOr<int64_t> ParseExitTimeoutNs(std::string_view text);
absl::StatusOr<uint64_t> ParseSymbolBytes(std::string_view text);
absl::StatusOr<Clock> ParseClock(std::string_view text);
absl::StatusOr<int> ParseSignal(std::string_view text);
absl::StatusOr<SignalConflict> ParseSignalConflict(std::string_view text);
absl::StatusOr<Symbolize> ParseSymbolize(std::string_view text);
absl::StatusOr<uint32_t> ParseLabelSets(std::string_view text);
absl::StatusOr<double> ParseMaxOverhead(std::string_view text);
absl::StatusOr<ThreadLabels> ParseThreadLabels(std::string_view text);
absl::StatusOr<ForkMode> ParseForkMode(std::string_view text);
absl::StatusOr<base::LogLevel> ParseLogLevel(std::string_view text);

// `accepted` is what the error says.
absl::StatusOr<std::string> ParseAbsolutePath(std::string_view text, const char* accepted);

// Never fails: valid UTF-8, at most 255 bytes.
absl::StatusOr<std::string> ParseServiceName(std::string_view text);

// Keys and values become valid UTF-8 and are cut at 256 and 1024 bytes.
absl::StatusOr<Labels> ParseLabels(std::string_view text);

}  // namespace podo

#endif  // PODO_LIB_CONFIG_RULES_H_
