// SPDX-License-Identifier: Apache-2.0
#include "export/http_sink.h"

#include <algorithm>
#include <utility>

#include "base/parse_value.h"

namespace podo::exporting {
namespace {

// Pyroscope refuses what is older than an hour; what is sent shortly before arrives after.
constexpr int64_t kPyroscopeMaxAgeNs = int64_t{55} * 60 * 1'000'000'000;

// Receivers compare these: with parameters behind it OTLP's is refused by some (415).
const char* ContentType(PayloadFormat format) {
  if (format == PayloadFormat::kOtlp) return "application/x-protobuf";
  if (format == PayloadFormat::kPyroscope) return "application/proto";
  return "application/octet-stream";  // the gzip of a pprof file is part of the format
}

bool IsName(const std::string& one, const std::string& other) {
  return base::ToLowerAscii(one) == base::ToLowerAscii(other);
}

// What the user may replace.
HttpHeaders DefaultHeaders(const HttpSinkOptions& options) {
  HttpHeaders headers = {{"User-Agent", "podo/" PODO_VERSION}};
  if (options.format == PayloadFormat::kOtlp) {
    headers.emplace_back("OTLP-Profiles-Development-Version", options.otlp_version);
  } else if (options.format == PayloadFormat::kPyroscope) {
    headers.emplace_back("Connect-Protocol-Version", "1");
  }
  return headers;
}

HttpHeaders HeadersOf(const Payload& payload, const HttpSinkOptions& options) {
  const HttpHeaders& given = options.headers;
  HttpHeaders headers = {{"Content-Type", ContentType(options.format)}};
  if (payload.coding != PayloadCoding::kNone) {
    headers.emplace_back("Content-Encoding",
                         payload.coding == PayloadCoding::kGzip ? "gzip" : "zstd");
  }
  for (auto& header : DefaultHeaders(options)) {
    const bool replaced = std::any_of(given.begin(), given.end(), [&](const auto& user) {
      return IsName(user.first, header.first);
    });
    if (!replaced) headers.push_back(std::move(header));
  }
  for (const auto& header : given) {
    const bool says_what_it_is =
        IsName(header.first, "Content-Type") || IsName(header.first, "Content-Encoding");
    if (!says_what_it_is && !header.second.empty()) headers.push_back(header);
  }
  return headers;
}

}  // namespace

SinkManners HttpSink::manners() const {
  SinkManners manners;
  manners.retries = true;
  manners.is_remote = true;
  if (options_.format == PayloadFormat::kPyroscope) manners.max_age_ns = kPyroscopeMaxAgeNs;
  return manners;
}

SendOutcome HttpSink::Send(const Payload& payload, int64_t timeout_ns) {
  HttpPost post;
  post.headers = HeadersOf(payload, options_);
  if (options_.path) post.path = options_.path(payload);
  post.body = payload.bytes;
  post.timeout_ns = timeout_ns;
  const HttpResult result = poster_->Post(post);
  return ClassifyAnswer(result, options_.read_words(result), options_.wall_clock_ns());
}

}  // namespace podo::exporting
