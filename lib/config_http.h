// SPDX-License-Identifier: Apache-2.0
// What an HTTP sink sends and trusts beside its URL: headers, certificates, compression, time.
//
// A secret reaches only whom it is meant for. What PODO_* or code says holds for every HTTP sink
// that PODO_EXPORT names: whoever wrote the one wrote the other. What OTEL_EXPORTER_OTLP_* say of
// headers and certificates was written for OpenTelemetry's endpoint, so it goes with OTLP sinks at
// that endpoint's scheme, host and port and with no other, with none if that endpoint could not be
// read; where no endpoint is set, with the OTLP sinks if all are at one place.
#ifndef PODO_LIB_CONFIG_HTTP_H_
#define PODO_LIB_CONFIG_HTTP_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "config.h"
#include "config_environment.h"
#include "export/tls.h"

namespace podo {

struct HttpSettings {
  exporting::HttpHeaders headers;  // secrets; X-Scope-OrgID among them
  exporting::TlsFiles tls;
  // The Content-Encoding to send: kNone for pprof and Pyroscope, which hold gzip themselves.
  exporting::PayloadCoding coding = exporting::PayloadCoding::kGzip;
  int64_t timeout_ns = 0;  // of one request
};

// For one of config.sinks that is an HTTP sink.
HttpSettings HttpSettingsOf(const Config& config, const exporting::SinkSpec& sink);

// "name=value,name=value", percent-encoded. Of equal names, in any case, the last counts. At most
// 16 KiB; no header that the HTTP client sets itself.
base::StatusOr<exporting::HttpHeaders> ParseHeaders(std::string_view text);
// At most 150 letters, digits and !-_.*'(): what Pyroscope and its kin take.
base::StatusOr<std::string> ParseTenant(std::string_view text);
base::StatusOr<std::string> ParsePemPath(std::string_view text);  // absolute
base::StatusOr<exporting::PayloadCoding> ParseCompression(std::string_view text);
base::StatusOr<std::string> ParseSpoolDir(std::string_view text);  // absolute
base::StatusOr<uint64_t> CheckSpoolBytes(uint64_t bytes);
base::StatusOr<uint64_t> ParseSpoolBytes(std::string_view text);

// PODO_HEADERS and its kin, OTEL_EXPORTER_OTLP_* and the variables of proxies.
void ReadHttp(const Environment& environment, Config* config, Messages* messages);
// PODO_EXPORT, else OpenTelemetry's endpoint.
void ReadSinks(const Environment& environment, Config* config, Messages* messages);
// To be called when config->sinks has changed: says what is strange about them.
void SettleSinks(Config* config, Messages* messages);

}  // namespace podo

#endif  // PODO_LIB_CONFIG_HTTP_H_
