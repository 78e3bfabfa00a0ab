// SPDX-License-Identifier: Apache-2.0
// What each setting accepts, the same for the environment and for options in code. Pure functions;
// an error's message says what is accepted and nothing else.
#ifndef PODO_LIB_CONFIG_RULES_H_
#define PODO_LIB_CONFIG_RULES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/status.h"
#include "config.h"

namespace podo {

base::StatusOr<double> CheckSampleHz(double hz);
base::StatusOr<uint32_t> CheckMaxFrames(int64_t frames);
base::StatusOr<uint32_t> CheckMaxThreads(int64_t threads);
base::StatusOr<int64_t> CheckIntervalNs(int64_t ns);
base::StatusOr<int64_t> CheckExitTimeoutNs(int64_t ns);
base::StatusOr<uint64_t> CheckSymbolBytes(uint64_t bytes);

base::StatusOr<double> ParseSampleHz(std::string_view text);
base::StatusOr<uint32_t> ParseMaxFrames(std::string_view text);
base::StatusOr<uint32_t> ParseMaxThreads(std::string_view text);
base::StatusOr<int64_t> ParseIntervalNs(std::string_view text);
base::StatusOr<int64_t> ParseExitTimeoutNs(std::string_view text);
base::StatusOr<uint64_t> ParseSymbolBytes(std::string_view text);
base::StatusOr<Clock> ParseClock(std::string_view text);
base::StatusOr<int> ParseSignal(std::string_view text);
base::StatusOr<SignalConflict> ParseSignalConflict(std::string_view text);
base::StatusOr<Symbolize> ParseSymbolize(std::string_view text);
base::StatusOr<uint32_t> ParseLabelSets(std::string_view text);
base::StatusOr<double> ParseMaxOverhead(std::string_view text);
base::StatusOr<ThreadLabels> ParseThreadLabels(std::string_view text);
base::StatusOr<ForkMode> ParseForkMode(std::string_view text);
base::StatusOr<base::LogLevel> ParseLogLevel(std::string_view text);

// `accepted` is what the error says.
base::StatusOr<std::string> ParseAbsolutePath(std::string_view text, const char* accepted);

// Never fails: valid UTF-8, at most 255 bytes.
base::StatusOr<std::string> ParseServiceName(std::string_view text);

// Keys and values become valid UTF-8 and are cut at 256 and 1024 bytes.
base::StatusOr<Labels> ParseLabels(std::string_view text);

}  // namespace podo

#endif  // PODO_LIB_CONFIG_RULES_H_
