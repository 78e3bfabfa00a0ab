// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "config_report.h"
#include "config_rules.h"
#include "config_variables.h"

namespace podo {
namespace {

constexpr std::string_view kPrefix = "PODO_";
constexpr std::string_view kOtelNames[] = {
    "OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_EXPORTER_OTLP_PROFILES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"};

// Those variables that podo reads, or would read if it knew them.
class Environment {
 public:
  explicit Environment(absl::Span<const char* const> entries) {
    for (const char* entry : entries) {
      if (entry == nullptr) continue;
      const std::string_view text(entry);
      const size_t equals = std::min(text.find('='), text.size());
      const std::string_view name = text.substr(0, equals);
      const std::string_view value =
          base::TrimBlanks(text.substr(std::min(equals + 1, text.size())));
      if (IsOurs(name)) variables_.emplace_back(name, value);
    }
  }

  // nullopt if unset or empty, which is the same.
  std::optional<std::string_view> Find(std::string_view name) const {
    const auto found = std::find_if(variables_.begin(), variables_.end(),
                                    [&](const auto& variable) { return variable.first == name; });
    if (found == variables_.end() || found->second.empty()) return std::nullopt;
    return found->second;
  }

  bool empty() const { return variables_.empty(); }

  // Names that begin with PODO_ and mean nothing, sorted, each once.
  std::vector<std::string_view> UnknownNames() const {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : variables_) {
      if (name.starts_with(kPrefix) && FindVariable(name) == nullptr) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

 private:
  static bool IsOurs(std::string_view name) {
    return name.starts_with(kPrefix) ||
           std::find(std::begin(kOtelNames), std::end(kOtelNames), name) != std::end(kOtelNames);
  }

  std::vector<std::pair<std::string_view, std::string_view>> variables_;
};

// Sets `setting` if the variable is set and `parse` accepts it.
template <typename T>
void Read(const Environment& environment, std::string_view name,
          absl::StatusOr<T> (*parse)(std::string_view), Setting<T>* setting, Messages* messages) {
  const std::optional<std::string_view> text = environment.Find(name);
  if (!text) return;
  absl::StatusOr<T> value = parse(*text);
  if (value.ok()) {
    *setting = {*std::move(value), std::string(name)};
  } else {
    const absl::string_view accepted = value.status().message();
    messages->push_back(Refusal(name, *text, {accepted.data(), accepted.size()}));
  }
}

void ReadEnabled(const Environment& environment, Config* config, Messages* messages) {
  constexpr std::string_view kSdkDisabled = "OTEL_SDK_DISABLED";
  Read(environment, "PODO_ENABLED", base::ParseBool, &config->enabled, messages);
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
  Read(environment, kAttributes, ParseLabels, &config->resource_attributes, messages);
  Labels& attributes = config->resource_attributes.value;
  const auto name =
      std::find_if(attributes.begin(), attributes.end(),
                   [](const base::KeyValue& pair) { return pair.key == "service.name"; });
  if (name != attributes.end()) {
    const absl::StatusOr<std::string> service = ParseServiceName(name->value);
    if (!service->empty()) config->service_name = {*service, std::string(kAttributes)};
    attributes.erase(name);
  }
  for (const std::string_view variable : {"OTEL_SERVICE_NAME", "PODO_SERVICE_NAME"}) {
    Read(environment, variable, ParseServiceName, &config->service_name, messages);
  }
  if (const auto labels = environment.Find("PODO_LABELS")) {
    TakeLabels("PODO_LABELS", *labels, config, messages);
  }
}

void ReadSinks(const Environment& environment, Config* config, Messages* messages) {
  if (const auto text = environment.Find("PODO_EXPORT")) {
    TakeSinks("PODO_EXPORT", *text, config, messages);
    return;
  }
  for (const std::string_view name :
       {"OTEL_EXPORTER_OTLP_PROFILES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}) {
    if (!environment.Find(name)) continue;
    messages->push_back(absl::StrCat(std::string(name),
                                     " is set, but export by OTLP is not available in this "
                                     "version; ignored, set PODO_EXPORT instead"));
    return;
  }
}

void ReadCapture(const Environment& environment, Config* config, Messages* messages) {
  const auto read = [&](std::string_view name, auto parse, auto* setting) {
    Read(environment, name, parse, setting, messages);
  };
  read("PODO_SAMPLE_HZ", ParseSampleHz, &config->sample_hz);
  read("PODO_MAX_FRAMES", ParseMaxFrames, &config->max_frames);
  read("PODO_MAX_THREADS", ParseMaxThreads, &config->max_threads);
  read("PODO_INTERVAL", ParseIntervalNs, &config->interval_ns);
  read("PODO_SYMBOLIZE", ParseSymbolize, &config->symbolize);
  read("PODO_SYMBOL_BYTES", ParseSymbolBytes, &config->symbol_bytes);
  read("PODO_LABEL_SETS", ParseLabelSets, &config->label_sets);
  read("PODO_THREAD_LABELS", ParseThreadLabels, &config->thread_labels);
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
  Read(environment, "PODO_LOG", ParseLogLevel, &config.log, messages);
  ReadEnabled(environment, &config, messages);
  if (!config.enabled.value) return config;
  ReadIdentity(environment, &config, messages);
  ReadSinks(environment, &config, messages);
  ReadCapture(environment, &config, messages);
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
  return all;
}

}  // namespace podo
