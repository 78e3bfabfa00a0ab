// SPDX-License-Identifier: Apache-2.0
// Who may ask: tokens, and what browsers say of whose page asks.
#ifndef PODO_LIB_SERVE_ACCESS_H_
#define PODO_LIB_SERVE_ACCESS_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "serve/listen_address.h"

namespace podo::serve {

// The token of PODO_LISTEN_TOKEN_FILE, without blanks around it. A regular file of at most 4 KiB
// that nobody but its owner, root and their group may read, and nobody else write; 8 characters at
// least. The error is one line that names the file. Reads the file, whose disk may be slow.
base::StatusOr<std::string> ReadToken(const std::string& path);

// "Bearer TOKEN", or "Basic" with the token as the password and any user, which is what a browser
// sends when it has asked for it. The time it takes does not depend on how much of a token is
// right.
bool IsAuthorized(std::string_view authorization, std::string_view token);

// The Host header of a request to `address`: an IP literal, localhost, or for unix sockets
// anything. A page of another site can make a browser talk to 127.0.0.1 under a name of its own
// (DNS rebinding); then Host is that name.
bool IsOwnHost(std::string_view host, const ListenAddress& address);

// A request that a page of another site makes in the background (Sec-Fetch-Site, Sec-Fetch-Mode). A
// link that a person follows is none.
bool IsCrossSite(std::string_view fetch_site, std::string_view fetch_mode);

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_ACCESS_H_
