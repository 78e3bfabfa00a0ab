// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 server: one thread, one poll() over a few connections. Part of libpodo_net.so.
//
// Beast parses. The loop is podo's own instead of Asio's: a host may close descriptors that it
// never opened and get their numbers for its own files, so every number is checked right before it
// is used (base::OwnedFd), which Asio's reactor cannot be made to do. There are no timers and no
// epoll to lose, either.
//
// Bounds: kMaxConnections at a time, 16 KiB of headers, 1 MiB of body, 5 s for a request's headers
// and 10 s for the rest, 30 s of rest between requests, 10 s without progress for a client that
// reads slowly. When all places are taken, the connection that has been asking for longest
// without having asked is closed for a new one. Requests wait for their answer as long as it takes;
// a client that goes away meanwhile is noticed.
#ifndef PODO_LIB_SERVE_HTTP_SERVER_H_
#define PODO_LIB_SERVE_HTTP_SERVER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "base/owned_fd.h"
#include "serve/http_exchange.h"
#include "serve/http_peer.h"
#include "serve/listen_address.h"

namespace podo::serve {

class HttpServer {
 public:
  static constexpr size_t kMaxConnections = 48;

  struct Options {
    int listening = -1;
    ListenAddress address;
    std::string token;  // a secret; empty: none is demanded
    // Called by Run() for each request that may be answered; returns at once.
    std::function<void(std::shared_ptr<HttpExchange>, const HttpRequest&)> handle;
  };
  // Takes over the listening socket.
  explicit HttpServer(Options options);

  // False if there are no descriptors for it. Before Run().
  bool Prepare();
  // Returns after Stop(), or when the host has closed the listening socket.
  void Run();
  void Stop();  // any thread

  // Wait-free, any thread.
  uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  uint64_t connections() const { return open_.load(std::memory_order_relaxed); }

 private:
  using Peers = std::list<HttpPeer>;
  int64_t NextDeadlineNs(int64_t now_ns) const;
  bool MayAccept(int64_t now_ns) const;
  void Accept(int64_t now_ns);
  bool IsTrusted(int fd) const;
  bool MakeRoom(int64_t now_ns);
  void Advance(HttpPeer* peer, short events, int64_t now_ns);
  void Take(HttpPeer* peer, int64_t now_ns);

  const Options options_;
  base::OwnedFd listening_;
  const std::shared_ptr<HttpWakeup> wakeup_;
  const std::shared_ptr<HttpBudget> budget_;
  Peers peers_;
  int64_t accept_again_ns_ = 0;  // descriptors were spent
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> requests_{0}, refused_{0}, open_{0};  // relaxed: counters
};

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_HTTP_SERVER_H_
