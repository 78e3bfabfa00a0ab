// SPDX-License-Identifier: Apache-2.0
// Options set in code, laid over what the environment said.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "config.h"
#include "config_http.h"
#include "config_report.h"
#include "config_rules.h"
#include "config_serve.h"

namespace podo {
namespace {

// One field after the other; a zero field is not set, and one beyond options.size does not exist.
class OptionReader {
 public:
  OptionReader(const podo_options& options, Messages* messages)
      : options_(options), messages_(messages) {}

  template <typename Field>
  bool IsSet(const Field& field) const {
    const auto* begin = reinterpret_cast<const char*>(&options_);
    const auto* end = reinterpret_cast<const char*>(&field) + sizeof field;
    return static_cast<size_t>(end - begin) <= options_.size && field != Field{};
  }

  template <typename Field, typename Rule, typename T>
  void Read(const char* name, const Field& field, Rule rule, Setting<T>* setting) const {
    if (!IsSet(field)) return;
    base::StatusOr<T> value = rule(field);
    if (value.ok()) {
      *setting = {*std::move(value), absl::StrCat("option ", name)};
      return;
    }
    messages_->push_back(
        Refusal(absl::StrCat("option ", name), absl::StrCat(field), Message(value.status())));
  }

  // A text that may be a secret: not shown. Blanks are no value.
  template <typename T>
  void ReadSecret(const char* name, const char* const& field,
                  base::StatusOr<T> (*rule)(std::string_view), Setting<T>* setting) const {
    if (!IsText(field)) return;
    base::StatusOr<T> value = rule(field);
    if (value.ok()) {
      *setting = {*std::move(value), absl::StrCat("option ", name)};
    } else {
      messages_->push_back(SecretRefusal(absl::StrCat("option ", name), Message(value.status())));
    }
  }

  bool IsText(const char* const& field) const {
    return IsSet(field) && !base::TrimBlanks(field).empty();
  }

 private:
  static std::string_view Message(const base::Status& status) {
    return {status.message().data(), status.message().size()};
  }

  const podo_options& options_;
  Messages* messages_;
};

// Negative durations of the C++ header arrive as huge numbers; so does this leave them.
int64_t Saturate(uint64_t value) {
  return static_cast<int64_t>(std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
}

void ApplyHttpOptions(const OptionReader& reader, const podo_options& options, Config* config) {
  reader.ReadSecret("headers", options.headers, ParseHeaders, &config->headers);
  reader.ReadSecret("tenant", options.tenant, ParseTenant, &config->tenant);
  reader.ReadSecret("certificate", options.certificate, ParsePemPath, &config->certificate);
  reader.ReadSecret("client_certificate", options.client_certificate, ParsePemPath,
                    &config->client_certificate);
  reader.ReadSecret("client_key", options.client_key, ParsePemPath, &config->client_key);
  if (reader.IsText(options.compression)) {
    reader.Read("compression", options.compression, ParseCompression, &config->compression);
  }
  if (reader.IsText(options.spool_dir)) {
    reader.Read("spool_dir", options.spool_dir, ParseSpoolDir, &config->spool_dir);
  }
  reader.Read("spool_bytes", options.spool_bytes, CheckSpoolBytes, &config->spool_bytes);
}

void ApplyServeOptions(const OptionReader& reader, const podo_options& options, Config* config) {
  if (reader.IsText(options.listen)) {
    reader.Read("listen", options.listen, ParseListen, &config->listen);
  }
  reader.ReadSecret("listen_token_file", options.listen_token_file, ParseTokenFile,
                    &config->listen_token_file);
  reader.Read("history_bytes", options.history_bytes, CheckHistoryBytes, &config->history_bytes);
  if (reader.IsText(options.history_dir)) {
    reader.Read("history_dir", options.history_dir, ParseHistoryDir, &config->history_dir);
  }
}

}  // namespace

base::Status ApplyOptions(const podo_options& options, Config* config, Messages* messages) {
  if (options.size < sizeof(options.size) + sizeof(options.service_name)) {
    return base::InvalidArgumentError(
        absl::StrCat("podo_options.size is ", options.size, "; accepted: sizeof(podo_options)"));
  }
  const OptionReader reader(options, messages);
  const auto not_empty = [&](const char* const& text) { return reader.IsText(text); };
  if (not_empty(options.service_name)) {
    reader.Read("service_name", options.service_name, ParseServiceName, &config->service_name);
  }
  if (not_empty(options.labels)) TakeLabels("option labels", options.labels, config, messages);
  ApplyHttpOptions(reader, options, config);
  ApplyServeOptions(reader, options, config);
  if (not_empty(options.export_to)) {
    TakeSinks("option export_to", options.export_to, config, messages);
    SettleSinks(config, messages);
  }
  reader.Read("sample_hz", options.sample_hz, CheckSampleHz, &config->sample_hz);
  reader.Read(
      "interval_ns", options.interval_ns, [](uint64_t ns) { return CheckIntervalNs(Saturate(ns)); },
      &config->interval_ns);
  reader.Read("max_frames", options.max_frames, CheckMaxFrames, &config->max_frames);
  reader.Read("max_threads", options.max_threads, CheckMaxThreads, &config->max_threads);
  if (not_empty(options.clock)) reader.Read("clock", options.clock, ParseClock, &config->clock);
  if (not_empty(options.fork)) reader.Read("fork", options.fork, ParseForkMode, &config->fork);
  if (not_empty(options.signal))
    reader.Read("signal", options.signal, ParseSignal, &config->signal);
  if (not_empty(options.signal_conflict)) {
    reader.Read("signal_conflict", options.signal_conflict, ParseSignalConflict,
                &config->signal_conflict);
  }
  SettleClock(config, messages);
  if (not_empty(options.symbolize)) {
    reader.Read("symbolize", options.symbolize, ParseSymbolize, &config->symbolize);
  }
  reader.Read("symbol_bytes", options.symbol_bytes, CheckSymbolBytes, &config->symbol_bytes);
  reader.Read(
      "exit_timeout_ns", options.exit_timeout_ns,
      [](uint64_t ns) { return CheckExitTimeoutNs(Saturate(ns)); }, &config->exit_timeout_ns);
  if (not_empty(options.log)) reader.Read("log", options.log, ParseLogLevel, &config->log);
  return base::OkStatus();
}

}  // namespace podo
