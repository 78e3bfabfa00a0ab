// SPDX-License-Identifier: Apache-2.0
#include "export/http_target.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/parse_value.h"
#include "base/status.h"

namespace podo::exporting {
namespace {

constexpr char kAccepted[] = "http://host:port/path, https://host:port/path or unix:/path";

base::Status Refused(std::string_view what) {
  return base::InvalidArgumentError(absl::StrCat(std::string(what), "; accepted: ", kAccepted));
}

bool HasControlOrBlank(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

base::StatusOr<HttpTarget> ParseUnix(std::string_view path) {
  if (path.starts_with("//")) path.remove_prefix(2);  // unix:///path
  const bool is_abstract = path.starts_with('@');
  if ((!path.starts_with('/') && !is_abstract) || path.size() < 2) {
    return Refused("no path of a socket");
  }
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return Refused("a socket path above 107 bytes");
  HttpTarget target;
  target.unix_path = std::string(path);
  target.path = "/";
  return target;
}

// Takes ":port" off the end of `authority`; false if it is no port.
bool TakePort(std::string_view* authority, uint16_t* port) {
  const size_t colon = authority->rfind(':');
  const size_t bracket = authority->rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return true;
  }
  const std::string_view digits = authority->substr(colon + 1);
  authority->remove_suffix(digits.size() + 1);
  if (digits.empty()) return true;  // "host:" means the default
  if (digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return false;
  }
  const base::StatusOr<int64_t> number = base::ParseInteger(digits);
  if (!number.ok() || *number < 1 || *number > 65535) return false;
  *port = static_cast<uint16_t>(*number);
  return true;
}

base::Status ParseAuthority(std::string_view authority, HttpTarget* target) {
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    base::StatusOr<std::string> user = base::PercentDecode(authority.substr(0, at));
    if (!user.ok()) return Refused("a user that is not percent-encoded");
    target->user = *std::move(user);
    authority.remove_prefix(at + 1);
  }
  if (!TakePort(&authority, &target->port)) return Refused("a port that is not 1 to 65535");
  const bool bracketed = authority.starts_with('[') && authority.ends_with(']');
  if (bracketed) authority = authority.substr(1, authority.size() - 2);
  if (authority.empty() || authority.size() > 255) return Refused("no host");
  in6_addr address;
  if (bracketed) {
    const std::string text(authority.substr(0, authority.find('%')));
    if (inet_pton(AF_INET6, text.c_str(), &address) != 1) return Refused("no IPv6 address");
  } else if (authority.find_first_of(":[]%") != std::string_view::npos) {
    return Refused("an IPv6 address without brackets");
  }
  target->host = base::ToLowerAscii(authority);
  return base::OkStatus();
}

using AddressBytes = std::pair<std::array<uint8_t, 16>, size_t>;

std::optional<AddressBytes> ParseAddress(std::string_view text) {
  const std::string copy(text);
  AddressBytes bytes{};
  if (inet_pton(AF_INET, copy.c_str(), bytes.first.data()) == 1) return bytes.second = 4, bytes;
  if (inet_pton(AF_INET6, copy.c_str(), bytes.first.data()) == 1) return bytes.second = 16, bytes;
  return std::nullopt;
}

bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  const auto address = ParseAddress(host);
  if (!address) return false;
  if (address->second == 4) return address->first[0] == 127;
  std::array<uint8_t, 16> one{};
  one[15] = 1;
  return address->first == one;
}

bool InNetwork(const AddressBytes& host, std::string_view network) {
  const size_t slash = network.find('/');
  const auto base = ParseAddress(network.substr(0, slash));
  const auto bits = base::ParseInteger(network.substr(slash + 1));
  if (!base || !bits.ok() || base->second != host.second || *bits < 0 ||
      static_cast<size_t>(*bits) > host.second * 8) {
    return false;
  }
  for (int64_t bit = 0; bit < *bits; ++bit) {
    const uint8_t mask = static_cast<uint8_t>(0x80 >> (bit % 8));
    if ((base->first[bit / 8] ^ host.first[bit / 8]) & mask) return false;
  }
  return true;
}

bool MatchesEntry(const HttpTarget& target, std::string_view entry) {
  if (entry == "*") return true;
  const auto host = ParseAddress(target.host);
  if (entry.find('/') != std::string_view::npos) return host && InNetwork(*host, entry);
  uint16_t port = target.port;
  if (!ParseAddress(entry) && !TakePort(&entry, &port)) return false;
  if (port != target.port) return false;
  if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
  if (host) return ParseAddress(entry) == host;
  if (entry.starts_with("*.")) entry.remove_prefix(1);
  if (entry.starts_with('.')) entry.remove_prefix(1);
  if (entry.empty()) return false;
  return target.host == entry ||
         std::string_view(target.host).ends_with(absl::StrCat(".", std::string(entry)));
}

bool IsExempt(const HttpTarget& target, std::string_view no_proxy) {
  if (!target.unix_path.empty() || IsLoopback(target.host)) return true;
  const std::string list = base::ToLowerAscii(no_proxy);
  for (std::string_view rest = list; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view entry = base::TrimBlanks(rest.substr(0, comma));
    if (!entry.empty() && MatchesEntry(target, entry)) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

}  // namespace

base::StatusOr<HttpTarget> ParseHttpTarget(std::string_view url) {
  url = base::TrimBlanks(url);
  if (HasControlOrBlank(url)) return Refused("a blank or control character");
  const size_t colon = std::min(url.find(':'), url.size());
  const std::string scheme = base::ToLowerAscii(url.substr(0, colon));
  std::string_view rest = url.substr(std::min(colon + 1, url.size()));
  if (scheme == "unix") return ParseUnix(rest);
  HttpTarget target;
  target.tls = scheme == "https";
  if ((!target.tls && scheme != "http") || !rest.starts_with("//")) {
    return Refused("neither http nor https nor unix");
  }
  target.port = target.tls ? 443 : 80;
  rest.remove_prefix(2);
  rest = rest.substr(0, rest.find('#'));
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const base::Status status = ParseAuthority(rest.substr(0, end), &target);
  if (!status.ok()) return status;
  target.path = std::string(rest.substr(end));
  if (!target.path.starts_with('/')) target.path.insert(0, "/");
  return target;
}

std::string HostHeader(const HttpTarget& target) {
  if (!target.unix_path.empty()) return "localhost";
  if (target.port == (target.tls ? 443 : 80)) {
    return target.host.find(':') == std::string::npos ? target.host : "[" + target.host + "]";
  }
  return AddressText(target);
}

std::string AddressText(const HttpTarget& target) {
  if (!target.unix_path.empty()) return "unix:" + target.unix_path;
  if (target.host.find(':') == std::string::npos)
    return absl::StrCat(target.host, ":", target.port);
  return absl::StrCat("[", target.host, "]:", target.port);
}

base::StatusOr<std::optional<HttpTarget>> ChooseProxy(const HttpTarget& target,
                                                      const ProxyVariables& variables) {
  const std::string& text = target.tls ? variables.https_proxy : variables.http_proxy;
  std::string url(base::TrimBlanks(text));
  if (url.empty() || IsExempt(target, variables.no_proxy)) return std::optional<HttpTarget>();
  if (url.find("://") == std::string::npos && !url.starts_with("unix:")) url.insert(0, "http://");
  base::StatusOr<HttpTarget> proxy = ParseHttpTarget(url);
  if (!proxy.ok() || proxy->tls || !proxy->unix_path.empty()) {
    return base::InvalidArgumentError(absl::StrCat(target.tls ? "HTTPS_PROXY" : "HTTP_PROXY",
                                                   " is not usable; accepted: http://host:port"));
  }
  return std::optional<HttpTarget>(*std::move(proxy));
}

}  // namespace podo::exporting
