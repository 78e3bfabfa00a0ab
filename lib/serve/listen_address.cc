// SPDX-License-Identifier: Apache-2.0
#include "serve/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/parse_value.h"

namespace podo::serve {
namespace {

constexpr char kAccepted[] =
    "ADDRESS:PORT such as 127.0.0.1:6060 or [::1]:6060, unix:/path, or unix:@name";
constexpr size_t kMaxUnixBytes = sizeof(sockaddr_un::sun_path) - 1;

bool IsLiteral(const std::string& ip) {
  in6_addr address;
  return inet_pton(AF_INET, ip.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, ip.c_str(), &address) == 1;
}

bool IsPlain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

base::StatusOr<ListenAddress> ParseUnix(std::string_view text) {
  ListenAddress address;
  // A path wants its NUL; an abstract name has '@' in its place.
  if (!IsPlain(text) || text.size() > kMaxUnixBytes) return base::InvalidArgumentError(kAccepted);
  if (text.starts_with('@') && text.size() > 1) {
    address.name = text.substr(1);
    return address;
  }
  if (!text.starts_with('/') || text.ends_with('/')) return base::InvalidArgumentError(kAccepted);
  address.path = text;
  return address;
}

}  // namespace

bool ListenAddress::IsLoopback() const {
  if (IsUnix()) return true;
  in_addr v4;
  if (inet_pton(AF_INET, ip.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, ip.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string ListenAddress::Text() const {
  if (!path.empty()) return absl::StrCat("unix:", path);
  if (!name.empty()) return absl::StrCat("unix:@", name);
  const bool is_v6 = ip.find(':') != std::string::npos;
  return absl::StrCat(is_v6 ? "[" : "", ip, is_v6 ? "]:" : ":", port);
}

base::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  text = base::TrimBlanks(text);
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) return ParseUnix(text.substr(kUnix.size()));
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return base::InvalidArgumentError(kAccepted);
  ListenAddress address;
  address.ip = text.substr(0, colon);
  const bool is_bracketed = address.ip.starts_with('[') && address.ip.ends_with(']');
  if (is_bracketed) address.ip = address.ip.substr(1, address.ip.size() - 2);
  if (address.ip == "localhost") address.ip = "127.0.0.1";
  const base::StatusOr<int64_t> port = base::ParseInteger(text.substr(colon + 1));
  constexpr int64_t kMaxPort = 65535;
  const bool is_v6 = address.ip.find(':') != std::string::npos;
  if (is_v6 != is_bracketed || !IsLiteral(address.ip) || !port.ok() || *port < 0 ||
      *port > kMaxPort) {
    return base::InvalidArgumentError(kAccepted);
  }
  address.port = static_cast<uint16_t>(*port);
  return address;
}

}  // namespace podo::serve
