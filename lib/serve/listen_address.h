// SPDX-License-Identifier: Apache-2.0
// Where the HTTP side listens: the text of PODO_LISTEN.
#ifndef PODO_LIB_SERVE_LISTEN_ADDRESS_H_
#define PODO_LIB_SERVE_LISTEN_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace podo::serve {

struct ListenAddress {
  // One of the three.
  std::string ip;     // "127.0.0.1", "::1": a literal, for names would have to be resolved
  std::string path;   // of a unix socket
  std::string name;   // of an abstract one, without the leading '@'
  uint16_t port = 0;  // of `ip`; 0: any free one

  bool IsUnix() const { return ip.empty(); }
  // Reached from this machine alone.
  bool IsLoopback() const;
  // "127.0.0.1:6060", "[::1]:6060", "unix:/run/podo.sock", "unix:@podo".
  std::string Text() const;
};

// "127.0.0.1:6060", "[::1]:6060", "localhost:6060" (127.0.0.1), "unix:/path", "unix:@name". The
// error says what is accepted, and nothing else. Pure.
base::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_LISTEN_ADDRESS_H_
