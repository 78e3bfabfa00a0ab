// SPDX-License-Identifier: Apache-2.0
#include "config_rules.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/parse_value.h"
#include "base/status.h"
#include "model/utf8.h"
#include "preload/signal_name.h"

namespace podo {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr size_t kMaxServiceNameBytes = 255;
constexpr size_t kMaxLabelKeyBytes = 256;
constexpr size_t kMaxLabelValueBytes = 1024;

template <typename T>
struct Range {
  T low;
  T high;
  const char* accepted;
};

// Above 10,000 per second a sample costs more time than lies between two of them.
constexpr Range<double> kSampleHz = {1, 10'000, "a number from 1 to 10000"};
// A record of 1024 frames is 8 KiB of a ring.
constexpr Range<int64_t> kMaxFrames = {8, 1024, "a whole number from 8 to 1024"};
constexpr Range<int64_t> kMaxThreads = {1, 65'536, "a whole number from 1 to 65536"};
constexpr Range<int64_t> kLabelSets = {1, 1'000'000, "a whole number from 1 to 1000000"};
constexpr Range<int64_t> kIntervalNs = {kSecondNs / 10, 3600 * kSecondNs,
                                        "a duration from 100ms to 1h, such as 10s"};
constexpr Range<int64_t> kExitTimeoutNs = {0, 60 * kSecondNs,
                                           "a duration from 0s to 60s, such as 500ms"};
constexpr Range<uint64_t> kSymbolBytes = {uint64_t{1} << 20, std::numeric_limits<uint64_t>::max(),
                                          "a size of at least 1MiB, such as 64MiB"};

// False for NaN too.
template <typename T>
base::StatusOr<T> InRange(const Range<T>& range, T value) {
  if (value >= range.low && value <= range.high) return value;
  return base::InvalidArgumentError(range.accepted);
}

// The range's text replaces that of the parser: it says more.
template <typename T>
base::StatusOr<T> InRange(const Range<T>& range, const base::StatusOr<T>& parsed) {
  if (!parsed.ok()) return base::InvalidArgumentError(range.accepted);
  return InRange(range, *parsed);
}

base::StatusOr<uint32_t> Narrow(const base::StatusOr<int64_t>& value) {
  if (!value.ok()) return value.status();
  return static_cast<uint32_t>(*value);
}

// Valid UTF-8 of at most `max_bytes`, no character cut in two.
std::string Text(std::string_view text, size_t max_bytes) {
  std::string valid = model::ToValidUtf8(text.substr(0, max_bytes + 4));
  if (valid.size() <= max_bytes) return valid;
  size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(valid[end]) & 0xC0) == 0x80) --end;
  valid.resize(end);
  return valid;
}

template <typename T, size_t kCount>
base::StatusOr<T> ParseWord(std::string_view text, const std::pair<const char*, T> (&words)[kCount],
                            const char* accepted) {
  const std::string lower = base::ToLowerAscii(base::TrimBlanks(text));
  const auto found = std::find_if(std::begin(words), std::end(words),
                                  [&](const auto& word) { return lower == word.first; });
  if (found == std::end(words)) return base::InvalidArgumentError(accepted);
  return found->second;
}

}  // namespace

base::StatusOr<double> CheckSampleHz(double hz) { return InRange(kSampleHz, hz); }
base::StatusOr<uint32_t> CheckMaxFrames(int64_t frames) {
  return Narrow(InRange(kMaxFrames, frames));
}
base::StatusOr<uint32_t> CheckMaxThreads(int64_t threads) {
  return Narrow(InRange(kMaxThreads, threads));
}
base::StatusOr<int64_t> CheckIntervalNs(int64_t ns) { return InRange(kIntervalNs, ns); }
base::StatusOr<int64_t> CheckExitTimeoutNs(int64_t ns) { return InRange(kExitTimeoutNs, ns); }
base::StatusOr<uint64_t> CheckSymbolBytes(uint64_t bytes) { return InRange(kSymbolBytes, bytes); }

base::StatusOr<double> ParseSampleHz(std::string_view text) {
  return InRange(kSampleHz, base::ParseNumber(text));
}
base::StatusOr<uint32_t> ParseMaxFrames(std::string_view text) {
  return Narrow(InRange(kMaxFrames, base::ParseInteger(text)));
}
base::StatusOr<uint32_t> ParseMaxThreads(std::string_view text) {
  return Narrow(InRange(kMaxThreads, base::ParseInteger(text)));
}
base::StatusOr<int64_t> ParseIntervalNs(std::string_view text) {
  return InRange(kIntervalNs, base::ParseDurationNs(text));
}
base::StatusOr<int64_t> ParseExitTimeoutNs(std::string_view text) {
  return InRange(kExitTimeoutNs, base::ParseDurationNs(text));
}
base::StatusOr<uint64_t> ParseSymbolBytes(std::string_view text) {
  return InRange(kSymbolBytes, base::ParseSizeBytes(text));
}

base::StatusOr<Clock> ParseClock(std::string_view text) {
  static constexpr std::pair<const char*, Clock> kWords[] = {{"itimer", Clock::kItimer},
                                                             {"thread", Clock::kThread},
                                                             {"auto", Clock::kAuto},
                                                             {"perf", Clock::kPerf},
                                                             {"process", Clock::kProcess}};
  return ParseWord(text, kWords, "auto, thread, perf, process or itimer");
}

base::StatusOr<int> ParseSignal(std::string_view text) {
  const int signal = PodoSignalOf(std::string(base::TrimBlanks(text)).c_str());
  if (signal != 0) return signal;
  return base::InvalidArgumentError("PROF, or a real-time signal: RTMIN+3, RTMAX-1 or its number");
}

base::StatusOr<SignalConflict> ParseSignalConflict(std::string_view text) {
  static constexpr std::pair<const char*, SignalConflict> kWords[] = {
      {"yield", SignalConflict::kYield},
      {"retake", SignalConflict::kRetake},
      {"chain", SignalConflict::kChain}};
  return ParseWord(text, kWords, "yield, retake or chain");
}

base::StatusOr<Symbolize> ParseSymbolize(std::string_view text) {
  static constexpr std::pair<const char*, Symbolize> kWords[] = {
      {"full", Symbolize::kFull}, {"functions", Symbolize::kFunctions}, {"none", Symbolize::kNone}};
  return ParseWord(text, kWords, "full, functions or none");
}

base::StatusOr<uint32_t> ParseLabelSets(std::string_view text) {
  return Narrow(InRange(kLabelSets, base::ParseInteger(text)));
}

// Less than a 100,000th no work can be done with; 0 % would be taken for either end.
base::StatusOr<double> ParseMaxOverhead(std::string_view text) {
  constexpr Range<double> kShare = {0.00001, 1, "a percentage from 0.001% to 100%, or off"};
  if (base::ToLowerAscii(base::TrimBlanks(text)) == "off") return 0.0;
  return InRange(kShare, base::ParsePercent(text));
}

base::StatusOr<ThreadLabels> ParseThreadLabels(std::string_view text) {
  static constexpr std::pair<const char*, ThreadLabels> kWords[] = {
      {"none", ThreadLabels::kNone},    {"name", ThreadLabels::kName},    {"id", ThreadLabels::kId},
      {"name,id", ThreadLabels::kBoth}, {"id,name", ThreadLabels::kBoth},
  };
  return ParseWord(text, kWords, "none, name, id or name,id");
}

base::StatusOr<ForkMode> ParseForkMode(std::string_view text) {
  static constexpr std::pair<const char*, ForkMode> kWords[] = {{"off", ForkMode::kOff},
                                                                {"child", ForkMode::kChild}};
  return ParseWord(text, kWords, "off or child");
}

base::StatusOr<base::LogLevel> ParseLogLevel(std::string_view text) {
  using base::LogLevel;
  static constexpr std::pair<const char*, LogLevel> kWords[] = {{"off", LogLevel::kOff},
                                                                {"error", LogLevel::kError},
                                                                {"warning", LogLevel::kWarning},
                                                                {"info", LogLevel::kInfo}};
  return ParseWord(text, kWords, "off, error, warning or info");
}

base::StatusOr<std::string> ParseAbsolutePath(std::string_view text, const char* accepted) {
  constexpr size_t kMaxPathBytes = 4000;  // PATH_MAX, less room for a file's name
  text = base::TrimBlanks(text);
  const bool has_control =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
  if (!text.starts_with('/') || text.size() > kMaxPathBytes || has_control) {
    return base::InvalidArgumentError(accepted);
  }
  return std::string(text);
}

base::StatusOr<std::string> ParseServiceName(std::string_view text) {
  return Text(base::TrimBlanks(text), kMaxServiceNameBytes);
}

base::StatusOr<Labels> ParseLabels(std::string_view text) {
  base::StatusOr<Labels> labels = base::ParseKeyValueList(text);
  if (!labels.ok()) return labels.status();
  for (base::KeyValue& label : *labels) {
    label.key = Text(label.key, kMaxLabelKeyBytes);
    label.value = Text(label.value, kMaxLabelValueBytes);
  }
  return labels;
}

}  // namespace podo
