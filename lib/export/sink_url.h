// SPDX-License-Identifier: Apache-2.0
// The text of PODO_EXPORT -> what sinks to make.
#ifndef PODO_LIB_EXPORT_SINK_URL_H_
#define PODO_LIB_EXPORT_SINK_URL_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "export/file_names.h"
#include "export/http_target.h"
#include "export/post_template.h"
#include "export/sink.h"

namespace podo::exporting {

struct SinkSpec {
  enum class Kind { kDirectory, kFile, kOtlp, kPyroscope, kPprofPost };
  Kind kind = Kind::kDirectory;
  PayloadFormat format = PayloadFormat::kPprof;
  PathTemplate path;  // of kDirectory (ends with '/') and kFile
  // Of the others. `target.path` is complete: what has to be posted to, but for kPprofPost, whose
  // path and query are `post`.
  HttpTarget target;
  PostTemplate post;
  std::string url;  // safe to print: without user, password and query

  bool IsHttp() const { return kind != Kind::kDirectory && kind != Kind::kFile; }
};

// `url` for the log: valid UTF-8, cut at 200 bytes. Users, passwords and tokens travel in URLs, so
// of one that is no file URL and has an '@', '?' or '#', or comes from a list that
// `may_hold_secret`, only a known scheme is shown.
std::string PrintableUrl(std::string_view url, bool may_hold_secret);

// One sink URL. The error says what is accepted and does not repeat the URL.
base::StatusOr<SinkSpec> ParseSinkUrl(std::string_view url);

// An OTLP sink for an endpoint as OpenTelemetry's variables have it: http:// or https://, to which
// v1development/profiles is appended if it is a `base` for all signals, else used as it is.
base::StatusOr<SinkSpec> ParseOtlpEndpoint(std::string_view url, bool is_base);

struct SinkList {
  std::vector<SinkSpec> sinks;
  std::vector<std::string> errors;  // one line each, safe to print: the URL and what is wrong
};

// Comma-separated URLs (a comma inside one is written %2C), or "none". A URL that is wrong is left
// out and reported, the others stay; so is one named twice. At most 8 sinks.
SinkList ParseSinkList(std::string_view text);

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_SINK_URL_H_
