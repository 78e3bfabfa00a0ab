// SPDX-License-Identifier: Apache-2.0
// Names to addresses, on a thread that may hang without holding up anybody.
//
// getaddrinfo() has no deadline: with a dead name server it blocks for half a minute, with a broken
// NSS module for ever. So it runs on a thread of its own, started at the first name, and whoever
// waits for its answer gives up when he likes. (Asio's resolver has such a thread as well, but
// joins it when it is destroyed.)
#ifndef PODO_LIB_EXPORT_HOST_RESOLVER_H_
#define PODO_LIB_EXPORT_HOST_RESOLVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace boost::asio {
class io_context;
}

namespace podo::exporting {

// A sockaddr_in or sockaddr_in6 as bytes, with its port.
using SocketAddress = std::string;

// Used by the thread that runs `io`. One lookup at a time; others wait behind it, so sinks that
// must not wait for each other's names have a resolver each.
class HostResolver {
 public:
  using StartThread = std::function<base::Status(const char* name, std::function<void()> body)>;
  using Done = std::function<void(base::StatusOr<std::vector<SocketAddress>>)>;
  // As getaddrinfo for TCP: the addresses, or one line. Replaced in tests.
  using Lookup = std::function<base::StatusOr<std::vector<SocketAddress>>(const std::string& host,
                                                                          uint16_t port)>;

  // `start_thread` starts a thread of podo (all signals blocked). The thread body ends soon after
  // the resolver is destroyed, or when getaddrinfo returns after that; it refers to nothing but
  // memory it shares with the resolver, and may be left behind at exit.
  HostResolver(boost::asio::io_context* io, StartThread start_thread,
               Lookup lookup = GetAddressInfo);
  HostResolver(const HostResolver&) = delete;
  HostResolver& operator=(const HostResolver&) = delete;
  ~HostResolver();

  // `done` is called once, from io.run(), unless Cancel or the destructor comes first.
  uint64_t Resolve(const std::string& host, uint16_t port, Done done);
  void Cancel(uint64_t id);

  static base::StatusOr<std::vector<SocketAddress>> GetAddressInfo(const std::string& host,
                                                                   uint16_t port);

 private:
  struct Shared;  // with the thread
  static void Run(const std::shared_ptr<Shared>& shared);

  StartThread start_thread_;
  bool started_ = false;
  uint64_t next_id_ = 1;
  std::shared_ptr<Shared> shared_;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_HOST_RESOLVER_H_
