// SPDX-License-Identifier: Apache-2.0
#include "tools/doctor_config.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "capture/profiling_timer.h"
#include "config_environment.h"
#include "config_report.h"
#include "config_serve.h"
#include "config_variables.h"

namespace podo::doctor {
namespace {

struct Shown {
  std::string value;
  std::string source;
};

constexpr char kNone[] = "-";
constexpr char kSecret[] = "set (not shown)";

std::string Text(const std::string& value) { return value.empty() ? kNone : value; }
std::string Text(bool value) { return value ? "true" : "false"; }
std::string Text(uint32_t value) { return absl::StrCat(value); }

std::string Text(const Labels& labels) {
  if (labels.empty()) return kNone;
  return absl::StrJoin(labels, ",", [](std::string* out, const base::KeyValue& label) {
    absl::StrAppend(out, label.key, "=", label.value);
  });
}

// In several lines, one for each.
std::string Text(const std::vector<exporting::SinkSpec>& sinks) {
  if (sinks.empty()) return "none";
  return absl::StrJoin(sinks, "\n", [](std::string* out, const exporting::SinkSpec& sink) {
    absl::StrAppend(out, sink.url);
  });
}

std::string Text(exporting::PayloadCoding coding) {
  if (coding == exporting::PayloadCoding::kGzip) return "gzip";
  return coding == exporting::PayloadCoding::kZstd ? "zstd" : "none";
}

std::string Text(Symbolize mode) {
  if (mode == Symbolize::kFull) return "full";
  return mode == Symbolize::kFunctions ? "functions" : "none";
}

std::string Text(ThreadLabels labels) {
  constexpr const char* kWords[] = {"none", "name", "id", "name,id"};
  return kWords[static_cast<int>(labels)];
}

std::string Text(Clock clock) {
  constexpr const char* kWords[] = {"auto", "thread", "perf", "process", "itimer"};
  return kWords[static_cast<int>(clock)];
}

std::string Text(ForkMode mode) { return mode == ForkMode::kChild ? "child" : "off"; }

std::string Text(SignalConflict conflict) {
  constexpr const char* kWords[] = {"yield", "retake", "chain"};
  return kWords[static_cast<int>(conflict)];
}

std::string Text(base::LogLevel level) {
  constexpr const char* kWords[] = {"off", "error", "warning", "info"};
  return kWords[static_cast<int>(level)];
}

std::string Text(const std::optional<serve::ListenAddress>& address) {
  return address ? address->Text() : kNone;
}

template <typename T>
Shown Show(const Setting<T>& setting) {
  return {Text(setting.value), setting.source};
}

template <typename T>
Shown ShowSecret(const Setting<T>& setting) {
  return {setting.value.empty() ? kNone : kSecret, setting.source};
}

Shown ShowCompression(const Config& config) {
  const auto& own = config.compression;
  const bool is_otels = own.source == "default" && config.otlp.compression.source != "default";
  return Show(is_otels ? config.otlp.compression : own);
}

// What stands in the environment of an OTLP sink's headers and files is shown in rows of its own.
constexpr std::pair<std::string_view, Shown (*)(const Config&)> kRows[] = {
    {"PODO_ENABLED", [](const Config& c) { return Show(c.enabled); }},
    {"PODO_SERVICE_NAME", [](const Config& c) { return Show(c.service_name); }},
    {"PODO_LABELS", [](const Config& c) { return Show(c.labels); }},
    {"PODO_EXPORT", [](const Config& c) { return Show(c.sinks); }},
    {"PODO_HEADERS", [](const Config& c) { return ShowSecret(c.headers); }},
    {"PODO_TENANT", [](const Config& c) { return ShowSecret(c.tenant); }},
    {"PODO_CERTIFICATE", [](const Config& c) { return Show(c.certificate); }},
    {"PODO_CLIENT_CERTIFICATE", [](const Config& c) { return Show(c.client_certificate); }},
    {"PODO_CLIENT_KEY", [](const Config& c) { return Show(c.client_key); }},
    {"PODO_COMPRESSION", ShowCompression},
    {"PODO_SAMPLE_HZ",
     [](const Config& c) {
       return Shown{NumberText(c.sample_hz.value), c.sample_hz.source};
     }},
    {"PODO_CLOCK", [](const Config& c) { return Show(c.clock); }},
    {"PODO_SIGNAL",
     [](const Config& c) {
       return Shown{capture::SignalName(c.signal.value).substr(3), c.signal.source};
     }},
    {"PODO_SIGNAL_CONFLICT", [](const Config& c) { return Show(c.signal_conflict); }},
    {"PODO_MAX_FRAMES", [](const Config& c) { return Show(c.max_frames); }},
    {"PODO_MAX_THREADS", [](const Config& c) { return Show(c.max_threads); }},
    {"PODO_INTERVAL",
     [](const Config& c) {
       return Shown{DurationText(c.interval_ns.value), c.interval_ns.source};
     }},
    {"PODO_SYMBOLIZE", [](const Config& c) { return Show(c.symbolize); }},
    {"PODO_SYMBOL_BYTES",
     [](const Config& c) {
       return Shown{BytesText(c.symbol_bytes.value), c.symbol_bytes.source};
     }},
    {"PODO_SPOOL_DIR", [](const Config& c) { return Show(c.spool_dir); }},
    {"PODO_SPOOL_BYTES",
     [](const Config& c) {
       return Shown{BytesText(c.spool_bytes.value), c.spool_bytes.source};
     }},
    {"PODO_HISTORY_BYTES",
     [](const Config& c) {
       const uint64_t bytes = HistoryBytes(c);
       return Shown{bytes == 0 ? "0" : BytesText(bytes), c.history_bytes.source};
     }},
    {"PODO_HISTORY_DIR", [](const Config& c) { return Show(c.history_dir); }},
    {"PODO_LISTEN", [](const Config& c) { return Show(c.listen); }},
    {"PODO_LISTEN_TOKEN_FILE", [](const Config& c) { return Show(c.listen_token_file); }},
    {"PODO_MAX_OVERHEAD",
     [](const Config& c) {
       const double share = c.max_overhead.value;
       return Shown{share == 0 ? "off" : NumberText(share * 100) + "%", c.max_overhead.source};
     }},
    {"PODO_LABEL_SETS", [](const Config& c) { return Show(c.label_sets); }},
    {"PODO_THREAD_LABELS", [](const Config& c) { return Show(c.thread_labels); }},
    {"PODO_FORK", [](const Config& c) { return Show(c.fork); }},
    {"PODO_FLUSH_ON_SIGTERM", [](const Config& c) { return Show(c.flush_on_sigterm); }},
    {"PODO_EXIT_TIMEOUT",
     [](const Config& c) {
       return Shown{DurationText(c.exit_timeout_ns.value), c.exit_timeout_ns.source};
     }},
    {"PODO_LOG", [](const Config& c) { return Show(c.log); }},
};

Shown ShowVariable(const Variable& variable, const Config& config, const Environment& environment) {
  for (const auto& [name, show] : kRows) {
    if (name == variable.name) return show(config);
  }
  if (!variable.is_available) return {Text(std::string(variable.built_in)), "this version"};
  // One that this file does not know yet: what it holds may be a secret.
  const bool is_set = environment.Find(variable.name).has_value();
  return {is_set ? kSecret : kNone, is_set ? std::string(variable.name) : "default"};
}

bool MayHoldSecret(std::string_view name) {
  for (const std::string_view part : {"HEADERS", "ENDPOINT", "CERTIFICATE", "KEY"}) {
    if (name.ends_with(part)) return true;
  }
  return false;
}

// Without the name of the variable: "the environment variable PODO_X" says no more than its row.
std::string SourceText(const std::string& source, std::string_view row) {
  if (source == row) return "environment";
  return source.starts_with("OTEL_") || source.starts_with("PODO_") ? source : source;
}

void AddForeignRows(const Environment& environment, std::vector<std::vector<std::string>>* rows) {
  for (const std::string_view name : OtelNames()) {
    const auto value = environment.Find(name);
    if (!value) continue;
    rows->push_back(
        {std::string(name), "environment", MayHoldSecret(name) ? kSecret : Printable(*value)});
  }
  const exporting::ProxyVariables& proxies = environment.proxies();
  for (const auto& [name, value] : {std::pair("https_proxy", &proxies.https_proxy),
                                    std::pair("http_proxy", &proxies.http_proxy)}) {
    if (!value->empty()) rows->push_back({name, "environment", kSecret});
  }
  if (!proxies.no_proxy.empty()) {
    rows->push_back({"no_proxy", "environment", Printable(proxies.no_proxy)});
  }
}

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Finding JudgeMessage(const std::string& message) {
  if (Contains(message, "gained privileges")) {
    return {Mark::kProblem, message,
            "Set podo::Options in code, which holds in such a program too, or start it without "
            "the privileges."};
  }
  if (Contains(message, " is not known and ignored")) {
    return {Mark::kNote, message, "Mistyped? Then rename it. If it is not meant for podo: fine."};
  }
  if (Contains(message, "not available in this version")) {
    return {Mark::kNote, message, "Remove it; it does nothing yet."};
  }
  if (Contains(message, "names the port of gRPC")) {
    return {Mark::kProblem, message,
            "Write the port on which the collector takes OTLP over HTTP, mostly 4318."};
  }
  if (Contains(message, " is not used: ")) {
    return {Mark::kProblem, message, "Until then the receivers get requests without it."};
  }
  if (Contains(message, "; left out")) {
    return {Mark::kProblem, message, "Correct it: what was left out does not happen."};
  }
  return {Mark::kProblem, message,
          "Correct it or unset it; until then the value in the table is in force."};
}

Findings JudgeConfig(const EffectiveConfig& effective) {
  Findings findings;
  for (const std::string& message : effective.messages) findings.push_back(JudgeMessage(message));
  const Config& config = effective.config;
  if (!config.enabled.value) {
    findings.push_back({Mark::kProblem,
                        absl::StrCat("podo is switched off by ", config.enabled.source),
                        "Unset it, or set PODO_ENABLED=true, which wins."});
    return findings;
  }
  if (config.sinks.value.empty()) {
    const bool is_kept = HistoryBytes(config) > 0 || config.listen.value.has_value();
    findings.push_back(
        {Mark::kNote,
         is_kept ? "profiles are kept in the process and sent nowhere"
                 : "profiles go nowhere: PODO_EXPORT names no sink",
         "Set PODO_EXPORT (file:///var/tmp/profiles/, otlp+http://collector:4318), or export_to in "
         "podo::Options."});
  }
  if (findings.empty()) findings.push_back({Mark::kOk, "every value is accepted", ""});
  return findings;
}

}  // namespace

EffectiveConfig ReadEffectiveConfig(absl::Span<const char* const> entries, bool secure,
                                    std::string_view exe) {
  EffectiveConfig effective;
  effective.config = ParseConfig(entries, secure, exe, &effective.messages);
  return effective;
}

Section ConfigSection(const EffectiveConfig& effective, absl::Span<const char* const> entries) {
  Section section;
  section.title = "Configuration";
  section.table.head = {"variable", "from", "value"};
  const Environment environment(entries);
  for (const Variable& variable : KnownVariables()) {
    const Shown shown = ShowVariable(variable, effective.config, environment);
    const std::vector<std::string> lines = absl::StrSplit(shown.value, '\n');
    section.table.rows.push_back(
        {std::string(variable.name), SourceText(shown.source, variable.name), lines[0]});
    for (size_t i = 1; i < lines.size(); ++i) section.table.rows.push_back({"", "", lines[i]});
  }
  AddForeignRows(environment, &section.table.rows);
  section.findings = JudgeConfig(effective);
  return section;
}

}  // namespace podo::doctor
