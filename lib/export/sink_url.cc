// SPDX-License-Identifier: Apache-2.0
#include "export/sink_url.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/parse_value.h"
#include "base/status.h"
#include "model/utf8.h"

namespace podo::exporting {
namespace {

constexpr char kAccepted[] =
    "file:///directory/, file:///path/name.pb.gz, file:///path/name.html, "
    "file:///path/name.folded, otlp+http://host:4318, otlp+https://host, otlp+unix:/path, "
    "pyroscope+http://host:4040, pyroscope+https://host, pprof+http://host/path or "
    "pprof+https://host/path";
constexpr char kAcceptedFile[] =
    "file:///directory/, file:///path/name.pb.gz, file:///path/name.html or "
    "file:///path/name.folded";
constexpr char kOtlpPath[] = "/v1development/profiles";
constexpr char kPyroscopePath[] = "/push.v1.PusherService/Push";
constexpr size_t kMaxSinks = 8;   // each one costs an encoding per window
constexpr size_t kMaxErrors = 8;  // reading ends there: it is no list of sinks
constexpr size_t kMaxPrintedBytes = 200;

using Kind = SinkSpec::Kind;

struct HttpScheme {
  std::string_view name;
  Kind kind;
  PayloadFormat format;
  std::string_view transport;  // the scheme of ParseHttpTarget
  const char* accepted;
};
constexpr HttpScheme kHttpSchemes[] = {
    {"otlp+http", Kind::kOtlp, PayloadFormat::kOtlp, "http", "otlp+http://host:4318/path"},
    {"otlp+https", Kind::kOtlp, PayloadFormat::kOtlp, "https", "otlp+https://host:4318/path"},
    {"otlp+unix", Kind::kOtlp, PayloadFormat::kOtlp, "unix", "otlp+unix:/path or otlp+unix:@name"},
    {"pyroscope+http", Kind::kPyroscope, PayloadFormat::kPyroscope, "http",
     "pyroscope+http://host:4040/prefix"},
    {"pyroscope+https", Kind::kPyroscope, PayloadFormat::kPyroscope, "https",
     "pyroscope+https://user:password@host/prefix"},
    {"pprof+http", Kind::kPprofPost, PayloadFormat::kPprof, "http",
     "pprof+http://host:port/path?name={service}&from={start}&until={end}"},
    {"pprof+https", Kind::kPprofPost, PayloadFormat::kPprof, "https",
     "pprof+https://host/path?name={service}&from={start}&until={end}"},
};

// What stands before or after these may be a user, a password or a token.
constexpr char kSecretMarks[] = "@?#";

const HttpScheme* FindHttpScheme(std::string_view scheme) {
  const auto* found = std::find_if(std::begin(kHttpSchemes), std::end(kHttpSchemes),
                                   [&](const HttpScheme& known) { return known.name == scheme; });
  return found == std::end(kHttpSchemes) ? nullptr : found;
}

// Cut and made valid.
std::string PrintableText(std::string_view text) {
  std::string printable(text.substr(0, kMaxPrintedBytes));
  if (text.size() > kMaxPrintedBytes) printable += "...";
  return model::ToValidUtf8(printable);
}

PayloadFormat FormatOf(std::string_view extension) {
  if (extension == ".html") return PayloadFormat::kHtml;
  return extension == ".folded" ? PayloadFormat::kFolded : PayloadFormat::kPprof;
}

base::StatusOr<SinkSpec> ParseFileUrl(std::string_view url, std::string_view rest) {
  constexpr std::string_view kLocalhost = "localhost/";  // RFC 8089 allows it
  if (rest.starts_with(kLocalhost)) rest.remove_prefix(kLocalhost.size() - 1);
  if (!rest.starts_with('/')) {
    return base::InvalidArgumentError("an absolute path after three slashes, as file:///path/");
  }
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return base::InvalidArgumentError("a path in which ? and # are written as %3F and %23");
  }
  base::StatusOr<PathTemplate> path = PathTemplate::Parse(rest);
  if (!path.ok()) return path.status();
  SinkSpec spec;
  spec.path = *std::move(path);
  spec.url = PrintableUrl(url, false);
  if (rest.ends_with('/')) return spec;
  const std::string_view extension = KnownExtension(rest);
  if (extension.empty()) return base::InvalidArgumentError(kAcceptedFile);
  spec.kind = SinkSpec::Kind::kFile;
  spec.format = FormatOf(extension);
  return spec;
}

base::Status Refused(absl::string_view what, absl::string_view accepted) {
  return base::InvalidArgumentError(absl::StrCat(accepted, "; found ", what));
}

// The first half of ParseHttpTarget's "what is wrong; accepted: what is right".
absl::string_view WhatIsWrong(const base::Status& status) {
  const absl::string_view message = status.message();
  return message.substr(0, message.find(';'));
}

// Puts `suffix` behind the path of `target` and before its query, once.
void AppendPath(std::string_view suffix, HttpTarget* target) {
  const size_t end = std::min(target->path.find('?'), target->path.size());
  std::string path = target->path.substr(0, end);
  while (path.ends_with('/')) path.pop_back();
  if (!path.ends_with(suffix)) path += suffix;
  target->path = path + target->path.substr(end);
}

// Completes `target->path` and `post`; an error says what is wrong.
base::Status CompletePath(SinkSpec* spec) {
  HttpTarget* target = &spec->target;
  if (spec->kind == Kind::kPprofPost) {
    base::StatusOr<PostTemplate> post = PostTemplate::Parse(target->path);
    if (post.ok()) spec->post = *std::move(post);
    return post.status();
  }
  if (target->path.find_first_of("{}") != std::string::npos) {
    return base::InvalidArgumentError("a placeholder; a brace is written %7B or %7D");
  }
  const std::string_view path = std::string_view(target->path).substr(0, target->path.find('?'));
  if (spec->kind == Kind::kPyroscope || path == "/") {
    AppendPath(spec->kind == Kind::kOtlp ? kOtlpPath : kPyroscopePath, target);
  }
  return base::OkStatus();
}

std::string PrintableTarget(const HttpScheme& scheme, const HttpTarget& target) {
  std::string text(scheme.name);
  if (!target.unix_path.empty()) {
    absl::StrAppend(&text, ":", target.unix_path);
  } else {
    absl::StrAppend(&text, "://", AddressText(target),
                    target.path.substr(0, target.path.find('?')));
  }
  return PrintableText(text);
}

// `rest` is what follows the scheme, with its colon.
base::StatusOr<SinkSpec> ParseHttpUrl(const HttpScheme& scheme, std::string_view rest) {
  std::string url = std::string(scheme.transport) + std::string(rest);
  if (scheme.transport == "unix") {
    // A query would be taken for a part of the path, and printed with it.
    if (rest.find_first_of("?#") != std::string_view::npos) {
      return Refused("? or #, which in a path are written %3F and %23", scheme.accepted);
    }
    base::StatusOr<std::string> decoded = base::PercentDecode(url);
    if (!decoded.ok()) return Refused("a percent sign that is not written %25", scheme.accepted);
    url = *std::move(decoded);
  }
  if (scheme.transport != "unix" && !rest.starts_with("://")) {
    return Refused("no //", scheme.accepted);
  }
  base::StatusOr<HttpTarget> target = ParseHttpTarget(url);
  if (!target.ok()) return Refused(WhatIsWrong(target.status()), scheme.accepted);
  if (target->host.find_first_of("{}") != std::string::npos) {
    return Refused("a placeholder in the host", scheme.accepted);
  }
  SinkSpec spec;
  spec.kind = scheme.kind;
  spec.format = scheme.format;
  spec.target = *std::move(target);
  const base::Status path = CompletePath(&spec);
  if (!path.ok()) return Refused(path.message(), scheme.accepted);
  spec.url = PrintableTarget(scheme, spec.target);
  return spec;
}

bool IsSame(const SinkSpec& a, const SinkSpec& b) {
  return a.kind == b.kind && a.path == b.path && a.target == b.target && a.post == b.post;
}

// Adds what one member of the list says.
void AddSink(std::string_view url, bool may_hold_secret, SinkList* list) {
  base::StatusOr<SinkSpec> spec = ParseSinkUrl(url);
  if (!spec.ok()) {
    list->errors.push_back(absl::StrCat(PrintableUrl(url, may_hold_secret),
                                        " is not accepted; accepted: ", spec.status().message()));
  } else if (std::any_of(list->sinks.begin(), list->sinks.end(),
                         [&](const SinkSpec& other) { return IsSame(other, *spec); })) {
    list->errors.push_back(absl::StrCat(spec->url, " is named twice"));
  } else if (list->sinks.size() >= kMaxSinks) {
    list->errors.push_back(absl::StrCat(spec->url, " is one too many; accepted: ", kMaxSinks));
  } else {
    list->sinks.push_back(*std::move(spec));
  }
}

}  // namespace

std::string PrintableUrl(std::string_view url, bool may_hold_secret) {
  if (url.starts_with("file:///")) {
    url = url.substr(0, std::min(url.find_first_of("?#"), url.size()));
  } else if (may_hold_secret || url.find_first_of(kSecretMarks) != std::string_view::npos) {
    const std::string scheme = base::ToLowerAscii(url.substr(0, url.find(':')));
    return FindHttpScheme(scheme) != nullptr ? scheme + ":..." : "...";
  }
  return PrintableText(url);
}

base::StatusOr<SinkSpec> ParseSinkUrl(std::string_view url) {
  url = base::TrimBlanks(url);
  const size_t colon = std::min(url.find(':'), url.size());
  const std::string scheme = base::ToLowerAscii(url.substr(0, colon));
  const std::string_view rest = url.substr(colon);
  if (scheme == "file" && rest.starts_with("://")) return ParseFileUrl(url, rest.substr(3));
  if (const HttpScheme* known = FindHttpScheme(scheme)) return ParseHttpUrl(*known, rest);
  return base::InvalidArgumentError(kAccepted);
}

base::StatusOr<SinkSpec> ParseOtlpEndpoint(std::string_view url, bool is_base) {
  constexpr char kAcceptedEndpoint[] = "http://host:4318 or https://host:4318";
  url = base::TrimBlanks(url);
  base::StatusOr<HttpTarget> target = ParseHttpTarget(url);
  if (!target.ok()) return Refused(WhatIsWrong(target.status()), kAcceptedEndpoint);
  if (!target->unix_path.empty()) return Refused("a unix socket", kAcceptedEndpoint);
  SinkSpec spec;
  spec.kind = Kind::kOtlp;
  spec.format = PayloadFormat::kOtlp;
  spec.target = *std::move(target);
  if (is_base) AppendPath(kOtlpPath, &spec.target);
  spec.url =
      PrintableTarget(*FindHttpScheme(spec.target.tls ? "otlp+https" : "otlp+http"), spec.target);
  return spec;
}

SinkList ParseSinkList(std::string_view text) {
  SinkList list;
  if (base::ToLowerAscii(base::TrimBlanks(text)) == "none") return list;
  // A password with a comma in it is torn apart here, so one mark makes every part suspect.
  const bool may_hold_secret = text.find_first_of(kSecretMarks) != std::string_view::npos;
  while (!text.empty() && list.errors.size() < kMaxErrors) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view url = base::TrimBlanks(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (!url.empty()) AddSink(url, may_hold_secret, &list);
  }
  return list;
}

}  // namespace podo::exporting
