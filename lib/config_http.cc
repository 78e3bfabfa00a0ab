// SPDX-License-Identifier: Apache-2.0
#include "config_http.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/parse_value.h"
#include "base/status.h"

namespace podo {
namespace {

using exporting::HttpTarget;
using exporting::SinkSpec;

constexpr char kTenantHeader[] = "X-Scope-OrgID";
constexpr char kSignal[] = "OTEL_EXPORTER_OTLP_PROFILES_";
constexpr char kGeneric[] = "OTEL_EXPORTER_OTLP_";

base::StatusOr<int64_t> ParseTimeoutMs(std::string_view text) {
  constexpr int64_t kMaxMs = 600'000;
  const base::StatusOr<int64_t> ms = base::ParseInteger(text);
  if (ms.ok() && *ms >= 1 && *ms <= kMaxMs) return *ms * 1'000'000;
  return base::InvalidArgumentError("a whole number of milliseconds from 1 to 600000");
}

// OpenTelemetry's paths may be relative; one with a control character is a pasted certificate.
base::StatusOr<std::string> ParseOtelPath(std::string_view text) {
  const bool has_control =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
  if (has_control) return base::InvalidArgumentError("the path of a PEM file");
  return std::string(text);
}

// The variable of all signals, then that of profiles, which wins if it is accepted.
template <typename T>
void ReadOtel(const Environment& environment, const char* what,
              base::StatusOr<T> (*parse)(std::string_view), Setting<T>* setting,
              Messages* complaints, Show show = Show::kValue) {
  for (const char* prefix : {kGeneric, kSignal}) {
    ReadVariable(environment, absl::StrCat(prefix, what), parse, setting, complaints, show);
  }
}

void ReadOtlpVariables(const Environment& environment, Config* config) {
  OtlpVariables* otlp = &config->otlp;
  Messages* complaints = &otlp->complaints;
  ReadOtel(environment, "HEADERS", ParseHeaders, &otlp->headers, complaints, Show::kNothing);
  ReadOtel(environment, "COMPRESSION", ParseCompression, &otlp->compression, complaints);
  ReadOtel(environment, "TIMEOUT", ParseTimeoutMs, &config->send_timeout_ns, complaints);
  ReadOtel(environment, "CERTIFICATE", ParseOtelPath, &otlp->certificate, complaints,
           Show::kNothing);
  ReadOtel(environment, "CLIENT_CERTIFICATE", ParseOtelPath, &otlp->client_certificate, complaints,
           Show::kNothing);
  ReadOtel(environment, "CLIENT_KEY", ParseOtelPath, &otlp->client_key, complaints, Show::kNothing);
}

// The strongest endpoint that is accepted, with its name; refusals of stronger ones are said.
std::optional<std::pair<std::string, SinkSpec>> ReadEndpoint(const Environment& environment,
                                                             OtlpVariables* otlp,
                                                             Messages* messages) {
  for (const char* prefix : {kSignal, kGeneric}) {
    const std::string name = absl::StrCat(prefix, "ENDPOINT");
    const std::optional<std::string_view> url = environment.Find(name);
    if (!url) continue;
    base::StatusOr<SinkSpec> sink = exporting::ParseOtlpEndpoint(*url, prefix == kGeneric);
    if (sink.ok() && !otlp->names_endpoint) otlp->endpoint = sink->target;
    otlp->names_endpoint = true;
    if (sink.ok()) return std::make_pair(name, *std::move(sink));
    const std::string& accepted = sink.status().message();
    messages->push_back(Refusal(name, exporting::PrintableUrl(*url, false), accepted));
  }
  return std::nullopt;
}

// Only of interest where the endpoint comes from the same hand.
void CheckProtocol(const Environment& environment, const SinkSpec& sink, Messages* messages) {
  for (const char* prefix : {kSignal, kGeneric}) {
    const std::string name = absl::StrCat(prefix, "PROTOCOL");
    const std::optional<std::string_view> protocol = environment.Find(name);
    if (!protocol) continue;
    if (base::ToLowerAscii(*protocol) != "http/protobuf") {
      messages->push_back(absl::StrCat(name, "=\"", Printable(*protocol),
                                       "\" is not accepted; accepted: http/protobuf, which ",
                                       sink.url, " is sent"));
    }
    return;
  }
}

bool SameOrigin(const HttpTarget& a, const HttpTarget& b) {
  return a.tls == b.tls && a.host == b.host && a.port == b.port && a.unix_path == b.unix_path;
}

bool HasOneOtlpOrigin(const Config& config) {
  const SinkSpec* first = nullptr;
  for (const SinkSpec& sink : config.sinks.value) {
    if (sink.kind != SinkSpec::Kind::kOtlp) continue;
    if (first == nullptr) first = &sink;
    if (!SameOrigin(first->target, sink.target)) return false;
  }
  return first != nullptr;
}

// Whether OpenTelemetry's headers and certificates are meant for this sink.
bool IsOtelsOwn(const Config& config, const SinkSpec& sink) {
  if (sink.kind != SinkSpec::Kind::kOtlp) return false;
  if (config.otlp.endpoint) return SameOrigin(*config.otlp.endpoint, sink.target);
  if (config.otlp.names_endpoint) return false;  // they belong to a place that podo cannot name
  return HasOneOtlpOrigin(config);
}

template <typename T>
bool IsSet(const Setting<T>& setting) {
  return !setting.value.empty();
}

// One file may hold certificate and key.
void SetClient(const std::string& certificate, const std::string& key, exporting::TlsFiles* files) {
  files->client_certificate = certificate.empty() ? key : certificate;
  files->client_key = key.empty() ? certificate : key;
}

}  // namespace

HttpSettings HttpSettingsOf(const Config& config, const SinkSpec& sink) {
  const OtlpVariables none;
  const OtlpVariables& otlp = IsOtelsOwn(config, sink) ? config.otlp : none;
  HttpSettings settings;
  settings.headers = IsSet(config.headers) ? config.headers.value : otlp.headers.value;
  if (IsSet(config.tenant)) {
    std::erase_if(settings.headers, [](const auto& header) {
      return base::ToLowerAscii(header.first) == base::ToLowerAscii(kTenantHeader);
    });
    settings.headers.emplace_back(kTenantHeader, config.tenant.value);
  }
  settings.tls.ca = IsSet(config.certificate) ? config.certificate.value : otlp.certificate.value;
  if (IsSet(config.client_certificate) || IsSet(config.client_key)) {
    SetClient(config.client_certificate.value, config.client_key.value, &settings.tls);
  } else {
    SetClient(otlp.client_certificate.value, otlp.client_key.value, &settings.tls);
  }
  settings.coding = config.compression.source != "default" ? config.compression.value
                                                           : config.otlp.compression.value;
  if (sink.kind != SinkSpec::Kind::kOtlp) settings.coding = exporting::PayloadCoding::kNone;
  settings.timeout_ns = config.send_timeout_ns.value;
  return settings;
}

void ReadHttp(const Environment& environment, Config* config, Messages* messages) {
  const auto read = [&](std::string_view name, auto parse, auto* setting, Show show) {
    ReadVariable(environment, name, parse, setting, messages, show);
  };
  read("PODO_HEADERS", ParseHeaders, &config->headers, Show::kNothing);
  read("PODO_TENANT", ParseTenant, &config->tenant, Show::kNothing);
  // A path is no secret, but who pastes the key itself shall not find it in a log.
  read("PODO_CERTIFICATE", ParsePemPath, &config->certificate, Show::kNothing);
  read("PODO_CLIENT_CERTIFICATE", ParsePemPath, &config->client_certificate, Show::kNothing);
  read("PODO_CLIENT_KEY", ParsePemPath, &config->client_key, Show::kNothing);
  read("PODO_COMPRESSION", ParseCompression, &config->compression, Show::kValue);
  read("PODO_SPOOL_DIR", ParseSpoolDir, &config->spool_dir, Show::kValue);
  read("PODO_SPOOL_BYTES", ParseSpoolBytes, &config->spool_bytes, Show::kValue);
  ReadOtlpVariables(environment, config);
  config->proxies = environment.proxies();
}

void ReadSinks(const Environment& environment, Config* config, Messages* messages) {
  const std::optional<std::string_view> text = environment.Find("PODO_EXPORT");
  Messages refusals;  // nobody asks for the endpoint where PODO_EXPORT says what to do
  auto endpoint = ReadEndpoint(environment, &config->otlp, text ? &refusals : messages);
  if (text) {
    TakeSinks("PODO_EXPORT", *text, config, messages);
  } else if (endpoint) {
    CheckProtocol(environment, endpoint->second, messages);
    config->sinks.value.push_back(std::move(endpoint->second));
    config->sinks.source = std::move(endpoint->first);
  }
  SettleSinks(config, messages);
}

void SettleSinks(Config* config, Messages* messages) {
  constexpr uint16_t kGrpcPort = 4317;
  bool has_otlp = false;
  for (const SinkSpec& sink : config->sinks.value) {
    if (sink.kind != SinkSpec::Kind::kOtlp) continue;
    has_otlp = true;
    if (sink.target.port != kGrpcPort) continue;
    messages->push_back(absl::StrCat(config->sinks.source, ": ", sink.url,
                                     " names the port of gRPC, which podo does not speak; OTLP "
                                     "over HTTP mostly is at port 4318"));
  }
  if (!has_otlp) return;
  OtlpVariables* otlp = &config->otlp;
  messages->insert(messages->end(), otlp->complaints.begin(), otlp->complaints.end());
  otlp->complaints.clear();
  if (otlp->names_endpoint || HasOneOtlpOrigin(*config)) return;
  const auto say = [&](const std::string& source, std::string_view instead, bool is_used) {
    if (!is_used) return;
    messages->push_back(absl::StrCat(source, " is not used: ", config->sinks.source,
                                     " names several hosts, and nothing says for which it is; set ",
                                     std::string(instead)));
  };
  say(otlp->headers.source, "PODO_HEADERS", IsSet(otlp->headers) && !IsSet(config->headers));
  say(otlp->certificate.source, "PODO_CERTIFICATE",
      IsSet(otlp->certificate) && !IsSet(config->certificate));
  say(otlp->client_certificate.source, "PODO_CLIENT_CERTIFICATE",
      IsSet(otlp->client_certificate) && !IsSet(config->client_certificate));
}

}  // namespace podo
