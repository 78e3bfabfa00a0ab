// SPDX-License-Identifier: Apache-2.0
// libpodo's side of the HTTP server: opens the address, hands requests on, carries answers back.
// The server itself is in the network module.
#ifndef PODO_LIB_SERVE_LISTENER_H_
#define PODO_LIB_SERVE_LISTENER_H_

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "net/net_abi.h"
#include "serve/exchange.h"
#include "serve/listen_address.h"
#include "serve/metrics.h"
#include "serve/range.h"

namespace podo::serve {

class Listener {
 public:
  // Called on the server's thread for each request that may be answered; returns at once.
  // `is_waiting`: the client is still there; any thread. Without an answer, which is when the last
  // copy of Respond goes, the connection is closed.
  using Handle =
      std::function<void(Request request, Respond respond, std::function<bool()> is_waiting)>;

  // Binds and listens; `token` is a secret, empty for none. Loads the network module: for the
  // thread that calls Start(). The error is one line that names the address and what is wrong.
  static base::StatusOr<std::unique_ptr<Listener>> Open(const ListenAddress& address,
                                                        const std::string& token, Handle handle);
  ~Listener();  // after Run() has returned

  // With the port that was given.
  const ListenAddress& address() const { return address_; }
  // Thread body.
  void Run();
  // Any thread. A unix socket's file is removed if it is still ours.
  void Stop();
  HttpCounts counts() const;  // wait-free

  // Patterns are the module's, too.
  CompilePattern Patterns() const;

 private:
  Listener(const podo_net_api* api, ListenAddress address, Handle handle);
  void Take(podo_net_exchange* exchange, const podo_net_http_request& request) const;
  void RemoveFile();

  const podo_net_api* const api_;
  const ListenAddress address_;
  const Handle handle_;
  podo_net_server* server_ = nullptr;
  uint64_t file_device_ = 0, file_inode_ = 0;  // of a unix socket's file
};

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_LISTENER_H_
