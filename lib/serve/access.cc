// SPDX-License-Identifier: Apache-2.0
#include "serve/access.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/owned_fd.h"
#include "base/parse_value.h"

namespace podo::serve {
namespace {

constexpr size_t kMaxTokenFileBytes = 4096;
constexpr size_t kMinTokenBytes = 8;

base::Status TokenError(const std::string& path, const std::string& what) {
  return base::InvalidArgumentError(absl::StrCat("the token file ", path, " ", what));
}

// Every byte of `given` is looked at, whatever is found.
bool IsEqual(std::string_view given, std::string_view token) {
  unsigned difference = given.size() == token.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const char right = token.empty() ? '\0' : token[i % token.size()];
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(right);
  }
  return difference == 0;
}

// "name value" with any case of name; empty if it is another.
std::string_view After(std::string_view scheme, std::string_view text) {
  if (text.size() <= scheme.size() || text[scheme.size()] != ' ') return {};
  if (base::ToLowerAscii(text.substr(0, scheme.size())) != scheme) return {};
  return base::TrimBlanks(text.substr(scheme.size()));
}

}  // namespace

base::StatusOr<std::string> ReadToken(const std::string& path) {
  // Without waiting for a fifo's other end.
  const base::OwnedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return TokenError(path, absl::StrCat("cannot be read: ", strerror(errno)));
  struct stat status;
  if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return TokenError(path, "is not a regular file");
  }
  if ((status.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
    return TokenError(path,
                      "may be read or written by others; accepted: mode 0600, 0400, 0640, 0440");
  }
  std::string text(kMaxTokenFileBytes + 1, '\0');
  const ssize_t size = read(file.get(), text.data(), text.size());
  if (size < 0) return TokenError(path, absl::StrCat("cannot be read: ", strerror(errno)));
  if (static_cast<size_t>(size) > kMaxTokenFileBytes) return TokenError(path, "is above 4 KiB");
  text.resize(static_cast<size_t>(size));
  const std::string token(base::TrimBlanks(text));
  const bool is_plain =
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (token.size() < kMinTokenBytes || !is_plain) {
    return TokenError(path, "holds no token; accepted: 8 or more printable ASCII characters");
  }
  return token;
}

bool IsAuthorized(std::string_view authorization, std::string_view token) {
  if (const std::string_view given = After("bearer", authorization); !given.empty()) {
    return IsEqual(given, token);
  }
  const std::string_view basic = After("basic", authorization);
  std::string decoded;
  if (basic.empty() ||
      !absl::Base64Unescape(absl::string_view(basic.data(), basic.size()), &decoded)) {
    return false;
  }
  const size_t colon = decoded.find(':');
  return colon != std::string::npos && IsEqual(std::string_view(decoded).substr(colon + 1), token);
}

bool IsOwnHost(std::string_view host, const ListenAddress& address) {
  if (address.IsUnix()) return true;
  const size_t bracket = host.find(']');
  const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string name = base::ToLowerAscii(host.substr(0, std::min(colon, host.size())));
  if (name == "localhost") return true;
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  in6_addr literal;
  return inet_pton(AF_INET, name.c_str(), &literal) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &literal) == 1;
}

bool IsCrossSite(std::string_view fetch_site, std::string_view fetch_mode) {
  const bool is_own = fetch_site.empty() || fetch_site == "same-origin" || fetch_site == "none";
  return !is_own && fetch_mode != "navigate";
}

}  // namespace podo::serve
