// SPDX-License-Identifier: Apache-2.0
// What the settings of HTTP sinks and of the spool accept.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/parse_value.h"
#include "base/status.h"
#include "config_http.h"
#include "config_rules.h"

namespace podo {
namespace {

constexpr char kHeadersAccepted[] =
    "a list such as name=value,name=value of headers that podo does not set itself, with comma "
    "and percent in a value written as %2C and %25, no control characters, at most 16 KiB";
constexpr size_t kMaxHeaderBytes = size_t{16} << 10;  // servers take 8 to 64 KiB, cookies and all
constexpr uint64_t kMinSpoolBytes = uint64_t{1} << 20;

// What the client writes itself, and what changes how a connection is read.
constexpr std::string_view kOwnHeaders[] = {"connection",
                                            "content-encoding",
                                            "content-length",
                                            "content-type",
                                            "expect",
                                            "host",
                                            "keep-alive",
                                            "proxy-authorization",
                                            "te",
                                            "trailer",
                                            "transfer-encoding",
                                            "upgrade"};

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

// A token of RFC 9110 that is nobody else's.
bool IsHeaderName(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const auto is_token = [&](char c) {
    return IsAlphanumeric(c) || kMarks.find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token) &&
         std::find(std::begin(kOwnHeaders), std::end(kOwnHeaders), base::ToLowerAscii(name)) ==
             std::end(kOwnHeaders);
}

}  // namespace

base::StatusOr<exporting::HttpHeaders> ParseHeaders(std::string_view text) {
  base::StatusOr<Labels> list = base::ParseKeyValueList(text);
  if (!list.ok() || text.size() > kMaxHeaderBytes) {
    return base::InvalidArgumentError(kHeadersAccepted);
  }
  exporting::HttpHeaders headers;
  for (base::KeyValue& header : *list) {
    if (!IsHeaderName(header.key) || HasControl(header.value)) {
      return base::InvalidArgumentError(kHeadersAccepted);
    }
    const std::string lower = base::ToLowerAscii(header.key);
    std::erase_if(headers,
                  [&](const auto& other) { return base::ToLowerAscii(other.first) == lower; });
    headers.emplace_back(std::move(header.key), base::TrimBlanks(header.value));
  }
  return headers;
}

base::StatusOr<std::string> ParseTenant(std::string_view text) {
  constexpr size_t kMaxTenantBytes = 150;
  constexpr std::string_view kMarks = "!-_.*'()";
  text = base::TrimBlanks(text);
  const bool is_plain = std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlphanumeric(c) || kMarks.find(c) != std::string_view::npos;
  });
  if (!is_plain || text.empty() || text.size() > kMaxTenantBytes || text == "." || text == "..") {
    return base::InvalidArgumentError("1 to 150 letters, digits and !-_.*'()");
  }
  return std::string(text);
}

base::StatusOr<std::string> ParsePemPath(std::string_view text) {
  return ParseAbsolutePath(text, "the absolute path of a PEM file");
}

base::StatusOr<exporting::PayloadCoding> ParseCompression(std::string_view text) {
  using exporting::PayloadCoding;
  const std::string lower = base::ToLowerAscii(base::TrimBlanks(text));
  if (lower == "gzip") return PayloadCoding::kGzip;
  if (lower == "zstd") return PayloadCoding::kZstd;
  if (lower == "none") return PayloadCoding::kNone;
  return base::InvalidArgumentError("gzip, zstd or none");
}

base::StatusOr<std::string> ParseSpoolDir(std::string_view text) {
  return ParseAbsolutePath(text,
                           "the absolute path of a directory, such as /var/lib/checkout/spool");
}

base::StatusOr<uint64_t> CheckSpoolBytes(uint64_t bytes) {
  if (bytes >= kMinSpoolBytes) return bytes;
  return base::InvalidArgumentError("a size of at least 1MiB, such as 64MiB");
}

base::StatusOr<uint64_t> ParseSpoolBytes(std::string_view text) {
  return CheckSpoolBytes(base::ParseSizeBytes(text).value_or(0));
}

}  // namespace podo
