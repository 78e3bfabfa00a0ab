// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "config_environment.h"
#include "config_http.h"
#include "config_report.h"
#include "config_rules.h"
#include "config_serve.h"
#include "config_variables.h"

namespace podo {
namespace {

void ReadEnabled(const Environment& environment, Config* config, Messages* messages) {
  constexpr std::string_view kSdkDisabled = "OTEL_SDK_DISABLED";
  ReadVariable(environment, "PODO_ENABLED", base::ParseBool, &config->enabled, messages);
  const std::optional<std::string_view> disabled = environment.Find(kSdkDisabled);
  if (!disabled || config->enabled.source != "default") return;
  // OpenTelemetry knows no 1 and 0 here.
  const std::string lower = base::ToLowerAscii(*disabled);
  if (lower == "true") {
    config->enabled = {false, std::string(kSdkDisabled)};
  } else if (lower != "false") {
    messages->push_back(Refusal(kSdkDisabled, *disabled, "true or false"));
  }
}

// Attributes and the service name, which one of them may hold.
void ReadIdentity(const Environment& environment, Config* config, Messages* messages) {
  constexpr std::string_view kAttributes = "OTEL_RESOURCE_ATTRIBUTES";
  ReadVariable(environment, kAttributes, ParseLabels, &config->resource_attributes, messages);
  Labels& attributes = config->resource_attributes.value;
  const auto name =
      std::find_if(attributes.begin(), attributes.end(),
                   [](const base::KeyValue& pair) { return pair.key == "service.name"; });
  if (name != attributes.end()) {
    const base::StatusOr<std::string> service = ParseServiceName(name->value);
    if (!service->empty()) config->service_name = {*service, std::string(kAttributes)};
    attributes.erase(name);
  }
  for (const std::string_view variable : {"OTEL_SERVICE_NAME", "PODO_SERVICE_NAME"}) {
    ReadVariable(environment, variable, ParseServiceName, &config->service_name, messages);
  }
  if (const auto labels = environment.Find("PODO_LABELS")) {
    TakeLabels("PODO_LABELS", *labels, config, messages);
  }
}

void ReadCapture(const Environment& environment, Config* config, Messages* messages) {
  const auto read = [&](std::string_view name, auto parse, auto* setting) {
    ReadVariable(environment, name, parse, setting, messages);
  };
  read("PODO_SAMPLE_HZ", ParseSampleHz, &config->sample_hz);
  read("PODO_CLOCK", ParseClock, &config->clock);
  read("PODO_SIGNAL", ParseSignal, &config->signal);
  read("PODO_SIGNAL_CONFLICT", ParseSignalConflict, &config->signal_conflict);
  read("PODO_MAX_FRAMES", ParseMaxFrames, &config->max_frames);
  read("PODO_MAX_THREADS", ParseMaxThreads, &config->max_threads);
  read("PODO_INTERVAL", ParseIntervalNs, &config->interval_ns);
  read("PODO_SYMBOLIZE", ParseSymbolize, &config->symbolize);
  read("PODO_SYMBOL_BYTES", ParseSymbolBytes, &config->symbol_bytes);
  read("PODO_MAX_OVERHEAD", ParseMaxOverhead, &config->max_overhead);
  read("PODO_LABEL_SETS", ParseLabelSets, &config->label_sets);
  read("PODO_THREAD_LABELS", ParseThreadLabels, &config->thread_labels);
  read("PODO_FORK", ParseForkMode, &config->fork);
  read("PODO_FLUSH_ON_SIGTERM", base::ParseBool, &config->flush_on_sigterm);
  read("PODO_EXIT_TIMEOUT", ParseExitTimeoutNs, &config->exit_timeout_ns);
}

void ReportUnavailable(const Environment& environment, Messages* messages) {
  for (const Variable& variable : KnownVariables()) {
    const std::optional<std::string_view> text = environment.Find(variable.name);
    if (variable.is_available || !text) continue;
    const std::string name(variable.name);
    if (variable.built_in.empty()) {
      // Without the value: headers and keys are among these.
      messages->push_back(name + " is known but not available in this version; ignored");
    } else if (base::ToLowerAscii(*text) != base::ToLowerAscii(variable.built_in)) {
      messages->push_back(
          Refusal(variable.name, *text, std::string(variable.built_in) + " (in this version)"));
    }
  }
}

void ReportUnknown(const Environment& environment, Messages* messages) {
  // Some platforms make variables by the dozen after the names of services.
  constexpr size_t kMaxLines = 8;
  const std::vector<std::string_view> names = environment.UnknownNames();
  for (size_t i = 0; i < std::min(names.size(), kMaxLines); ++i) {
    messages->push_back(absl::StrCat(Printable(names[i]),
                                     " is not known and ignored; the nearest known name is ",
                                     std::string(NearestVariable(names[i]).name)));
  }
  if (names.size() > kMaxLines) {
    messages->push_back(
        absl::StrCat(names.size() - kMaxLines, " more PODO_ names are not known and ignored"));
  }
}

}  // namespace

Config ParseConfig(absl::Span<const char* const> entries, bool secure, std::string_view exe,
                   std::vector<std::string>* messages) {
  Config config;
  config.service_name.value = *ParseServiceName("unknown_service:" + std::string(exe));
  const Environment environment(entries);
  if (secure) {
    if (environment.empty()) return config;
    messages->push_back(
        "the process has gained privileges at exec (set-user-id, file capabilities): all PODO_ and "
        "OTEL_ variables are ignored");
    return config;
  }
  ReadVariable(environment, "PODO_LOG", ParseLogLevel, &config.log, messages);
  ReadEnabled(environment, &config, messages);
  if (!config.enabled.value) return config;
  ReadIdentity(environment, &config, messages);
  ReadHttp(environment, &config, messages);
  ReadSinks(environment, &config, messages);
  ReadServe(environment, &config, messages);
  ReadCapture(environment, &config, messages);
  SettleClock(&config, messages);
  ReportUnavailable(environment, messages);
  ReportUnknown(environment, messages);
  return config;
}

Labels AllLabels(const Config& config) {
  Labels all = config.resource_attributes.value;
  for (const base::KeyValue& label : config.labels.value) {
    std::erase_if(all, [&](const base::KeyValue& other) { return other.key == label.key; });
  }
  all.insert(all.end(), config.labels.value.begin(), config.labels.value.end());
  for (const base::KeyValue& label : config.detected_attributes) {
    const bool is_place =
        label.key == "k8s.pod.name" || label.key == "host.name" || label.key == "process.pid";
    const bool is_given = std::any_of(all.begin(), all.end(), [&](const base::KeyValue& other) {
      return other.key == label.key;
    });
    if (is_place && !is_given) all.push_back(label);
  }
  return all;
}

}  // namespace podo
