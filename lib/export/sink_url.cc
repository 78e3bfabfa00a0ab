// SPDX-License-Identifier: Apache-2.0
#include "export/sink_url.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/parse_value.h"
#include "model/utf8.h"

namespace podo::exporting {
namespace {

constexpr char kAccepted[] =
    "file:///directory/, file:///path/name.pb.gz, file:///path/name.html or "
    "file:///path/name.folded";
constexpr size_t kMaxSinks = 8;   // each one costs an encoding per window
constexpr size_t kMaxErrors = 8;  // reading ends there: it is no list of sinks
constexpr size_t kMaxPrintedBytes = 200;

constexpr std::string_view kLaterSchemes[] = {"otlp+http",      "otlp+https",      "otlp+unix",
                                              "pyroscope+http", "pyroscope+https", "pprof+http",
                                              "pprof+https"};

// What stands before or after these may be a user, a password or a token.
constexpr char kSecretMarks[] = "@?#";

bool IsLaterScheme(std::string_view scheme) {
  return std::find(std::begin(kLaterSchemes), std::end(kLaterSchemes), scheme) !=
         std::end(kLaterSchemes);
}

PayloadFormat FormatOf(std::string_view extension) {
  if (extension == ".html") return PayloadFormat::kHtml;
  return extension == ".folded" ? PayloadFormat::kFolded : PayloadFormat::kPprof;
}

absl::StatusOr<SinkSpec> ParseFileUrl(std::string_view url, std::string_view rest) {
  constexpr std::string_view kLocalhost = "localhost/";  // RFC 8089 allows it
  if (rest.starts_with(kLocalhost)) rest.remove_prefix(kLocalhost.size() - 1);
  if (!rest.starts_with('/')) {
    return absl::InvalidArgumentError("an absolute path after three slashes, as file:///path/");
  }
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return absl::InvalidArgumentError("a path in which ? and # are written as %3F and %23");
  }
  absl::StatusOr<PathTemplate> path = PathTemplate::Parse(rest);
  if (!path.ok()) return path.status();
  SinkSpec spec;
  spec.path = *std::move(path);
  spec.url = PrintableUrl(url, false);
  if (rest.ends_with('/')) return spec;
  const std::string_view extension = KnownExtension(rest);
  if (extension.empty()) return absl::InvalidArgumentError(kAccepted);
  spec.kind = SinkSpec::Kind::kFile;
  spec.format = FormatOf(extension);
  return spec;
}

// Adds what one member of the list says.
void AddSink(std::string_view url, bool may_hold_secret, SinkList* list) {
  absl::StatusOr<SinkSpec> spec = ParseSinkUrl(url);
  const std::string printable = PrintableUrl(url, may_hold_secret);
  if (absl::IsUnimplemented(spec.status())) {
    list->errors.push_back(absl::StrCat(printable, " ", spec.status().message()));
  } else if (!spec.ok()) {
    list->errors.push_back(
        absl::StrCat(printable, " is not accepted; accepted: ", spec.status().message()));
  } else if (std::any_of(list->sinks.begin(), list->sinks.end(),
                         [&](const SinkSpec& other) { return other.path == spec->path; })) {
    list->errors.push_back(absl::StrCat(printable, " is named twice"));
  } else if (list->sinks.size() >= kMaxSinks) {
    list->errors.push_back(absl::StrCat(printable, " is one too many; accepted: ", kMaxSinks));
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
    return IsLaterScheme(scheme) ? scheme + ":..." : "...";
  }
  std::string printable(url.substr(0, kMaxPrintedBytes));
  if (url.size() > kMaxPrintedBytes) printable += "...";
  return model::ToValidUtf8(printable);
}

absl::StatusOr<SinkSpec> ParseSinkUrl(std::string_view url) {
  url = base::TrimBlanks(url);
  const size_t colon = std::min(url.find(':'), url.size());
  const std::string scheme = base::ToLowerAscii(url.substr(0, colon));
  const std::string_view rest = url.substr(colon);
  if (scheme == "file" && rest.starts_with("://")) return ParseFileUrl(url, rest.substr(3));
  if (IsLaterScheme(scheme)) {
    return absl::UnimplementedError("is a sink that is not available in this version");
  }
  return absl::InvalidArgumentError(kAccepted);
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
