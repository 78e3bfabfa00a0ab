// SPDX-License-Identifier: Apache-2.0
// Where a request goes: the URL of a collector, and the proxy on the way to it.
#ifndef PODO_LIB_EXPORT_HTTP_TARGET_H_
#define PODO_LIB_EXPORT_HTTP_TARGET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace podo::exporting {

struct HttpTarget {
  bool tls = false;
  std::string host;       // name or address, no brackets; empty for a unix socket
  uint16_t port = 0;      // given or 80, 443
  std::string unix_path;  // "/path", or "@name" in the abstract namespace; empty for TCP
  std::string path;       // with the query, begins with '/'; what the URL said, "/" if nothing
  std::string user;       // "user:password" of the URL, percent-decoded; a secret
  bool operator==(const HttpTarget&) const = default;
};

// "http://host:4318/path", "https://[::1]/path?query", "http://user:password@host",
// "unix:/run/collector.sock", "unix:@name". The scheme in any case. The error says what is accepted
// and does not repeat the URL, which may hold a secret.
base::StatusOr<HttpTarget> ParseHttpTarget(std::string_view url);

// host:port as it stands in a Host header: brackets around IPv6, no default port, "localhost" for a
// unix socket.
std::string HostHeader(const HttpTarget& target);
// The same for the log, always with the port, or unix:PATH. Holds no secret.
std::string AddressText(const HttpTarget& target);

// The values of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, whichever case the environment has them in.
struct ProxyVariables {
  std::string https_proxy;
  std::string http_proxy;
  std::string no_proxy;
};

// The proxy for `target`, if any: an http:// target (a bare host:port counts as one). Unix sockets,
// loopback addresses and localhost are always reached directly, as are hosts that NO_PROXY names:
// "*", "name" and ".name" (each with all below it), an address, a network as 10.0.0.0/8, each
// optionally with a port. An error for a proxy URL that cannot be used.
base::StatusOr<std::optional<HttpTarget>> ChooseProxy(const HttpTarget& target,
                                                      const ProxyVariables& variables);

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_HTTP_TARGET_H_
