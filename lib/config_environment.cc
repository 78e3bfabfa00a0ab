// SPDX-License-Identifier: Apache-2.0
#include "config_environment.h"

#include <algorithm>
#include <iterator>

#include "base/parse_value.h"
#include "config_variables.h"

namespace podo {
namespace {

constexpr std::string_view kPrefix = "PODO_";
constexpr std::string_view kOtelNames[] = {
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_EXPORTER_OTLP_PROFILES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROFILES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROFILES_HEADERS",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_PROFILES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_PROFILES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_PROFILES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_PROFILES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_PROFILES_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
};

bool IsOurs(std::string_view name) {
  return name.starts_with(kPrefix) ||
         std::find(std::begin(kOtelNames), std::end(kOtelNames), name) != std::end(kOtelNames);
}

// The lower case, which all programs know, beats the upper. HTTP_PROXY in upper case is not read,
// as curl does not: a CGI program finds there what its client sent as a header "Proxy".
std::string* ProxyVariable(std::string_view name, exporting::ProxyVariables* lower,
                           exporting::ProxyVariables* upper) {
  if (name == "http_proxy") return &lower->http_proxy;
  if (name == "https_proxy") return &lower->https_proxy;
  if (name == "no_proxy") return &lower->no_proxy;
  if (name == "HTTPS_PROXY") return &upper->https_proxy;
  if (name == "NO_PROXY") return &upper->no_proxy;
  return nullptr;
}

}  // namespace

absl::Span<const std::string_view> OtelNames() { return kOtelNames; }

Environment::Environment(absl::Span<const char* const> entries) {
  exporting::ProxyVariables upper;
  for (const char* entry : entries) {
    if (entry == nullptr) continue;
    const std::string_view text(entry);
    const size_t equals = std::min(text.find('='), text.size());
    const std::string_view name = text.substr(0, equals);
    const std::string_view value = base::TrimBlanks(text.substr(std::min(equals + 1, text.size())));
    if (IsOurs(name)) {
      variables_.emplace_back(name, value);
    } else if (std::string* proxy = ProxyVariable(name, &proxies_, &upper);
               proxy != nullptr && proxy->empty()) {
      *proxy = std::string(value);
    }
  }
  if (proxies_.https_proxy.empty()) proxies_.https_proxy = upper.https_proxy;
  if (proxies_.no_proxy.empty()) proxies_.no_proxy = upper.no_proxy;
}

std::optional<std::string_view> Environment::Find(std::string_view name) const {
  const auto found = std::find_if(variables_.begin(), variables_.end(),
                                  [&](const auto& variable) { return variable.first == name; });
  if (found == variables_.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

std::vector<std::string_view> Environment::UnknownNames() const {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : variables_) {
    if (name.starts_with(kPrefix) && FindVariable(name) == nullptr) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace podo
