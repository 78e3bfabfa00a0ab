// SPDX-License-Identifier: Apache-2.0
#include "serve/listening_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"

namespace podo::serve {
namespace {

constexpr int kBacklog = 64;

base::Status Error(const ListenAddress& address, const char* what, int error) {
  const std::string line =
      absl::StrCat("cannot listen on ", address.Text(), ": ", what, strerror(error));
  if (error == EADDRINUSE) return base::AlreadyExistsError(line);
  return base::UnavailableError(line);
}

struct Name {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Name InetName(const ListenAddress& address) {
  Name name;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&name.storage);
  if (inet_pton(AF_INET, address.ip.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    name.size = sizeof *v4;
    return name;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&name.storage);
  inet_pton(AF_INET6, address.ip.c_str(), &v6->sin6_addr);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(address.port);
  name.size = sizeof *v6;
  return name;
}

// Of a file, or of an abstract name if `path` begins with NUL.
Name UnixName(const std::string& path) {
  Name name;
  auto* unix_name = reinterpret_cast<sockaddr_un*>(&name.storage);
  unix_name->sun_family = AF_UNIX;
  path.copy(unix_name->sun_path, sizeof unix_name->sun_path - 1);
  const bool is_abstract = path.front() == '\0';
  name.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1));
  return name;
}

base::OwnedFd NewSocket(int family) {
  return base::OwnedFd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Bound and listening, or errno.
int BindAndListen(const base::OwnedFd& socket, Name name) {
  if (bind(socket.get(), name.get(), name.size) != 0) return errno;
  return listen(socket.get(), kBacklog) == 0 ? 0 : errno;
}

// A file at `path` that may be replaced: 0. Else why not, as errno.
int CheckOldFile(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid()) return EADDRINUSE;
  const base::OwnedFd probe = NewSocket(AF_UNIX);
  Name name = UnixName(path);
  if (connect(probe.get(), name.get(), name.size) == 0) return EADDRINUSE;
  return errno == ECONNREFUSED ? 0 : EADDRINUSE;
}

base::StatusOr<base::OwnedFd> OpenPath(const ListenAddress& address) {
  if (const int error = CheckOldFile(address.path); error != 0) return Error(address, "", error);
  // Short, for a socket's path is: "/run/.podo-XXXXXX/s".
  std::string directory = address.path.substr(0, address.path.rfind('/')) + "/.podo-XXXXXX";
  std::string made;
  made.reserve(directory.size() + 2);  // now: memory that ran out later would leave the directory
  if (mkdtemp(directory.data()) == nullptr) return Error(address, "its directory: ", errno);
  made.append(directory).append("/s");
  int error = made.size() < sizeof(sockaddr_un::sun_path) ? 0 : ENAMETOOLONG;
  base::OwnedFd socket = NewSocket(AF_UNIX);
  if (error == 0) error = BindAndListen(socket, UnixName(made));
  constexpr mode_t kMode = 0600;
  if (error == 0 && chmod(made.c_str(), kMode) != 0) error = errno;
  if (error == 0 && rename(made.c_str(), address.path.c_str()) != 0) error = errno;
  if (error != 0) unlink(made.c_str());
  rmdir(directory.c_str());
  if (error != 0) return Error(address, "", error);
  return socket;
}

base::StatusOr<base::OwnedFd> OpenInet(ListenAddress* address) {
  Name name = InetName(*address);
  base::OwnedFd socket = NewSocket(name.storage.ss_family);
  const int on = 1;
  // A restart must not wait for the connections of the process before.
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (name.storage.ss_family == AF_INET6) {
    setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (const int error = BindAndListen(socket, name); error != 0) return Error(*address, "", error);
  if (getsockname(socket.get(), name.get(), &name.size) != 0) return Error(*address, "", errno);
  // The port stands at the same place in both.
  address->port = ntohs(reinterpret_cast<const sockaddr_in*>(&name.storage)->sin_port);
  return socket;
}

}  // namespace

base::StatusOr<base::OwnedFd> OpenListeningSocket(ListenAddress* address) {
  if (!address->path.empty()) return OpenPath(*address);
  if (!address->IsUnix()) return OpenInet(address);
  base::OwnedFd socket = NewSocket(AF_UNIX);
  const int error = BindAndListen(socket, UnixName(std::string(1, '\0') + address->name));
  if (error != 0) return Error(*address, "", error);
  return socket;
}

}  // namespace podo::serve
