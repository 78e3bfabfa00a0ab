// SPDX-License-Identifier: Apache-2.0
// One connection of the HTTP client: name, address, proxy tunnel and TLS on the way to it.
#ifndef PODO_LIB_EXPORT_HTTP_CONNECTION_H_
#define PODO_LIB_EXPORT_HTTP_CONNECTION_H_

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/owned_fd.h"
#include "export/host_resolver.h"
#include "export/http_target.h"
#include "export/tls.h"
#if PODO_TLS
#include <boost/asio/ssl/stream.hpp>
#endif

namespace podo::exporting {

struct HttpRoute {
  HttpTarget target;
  std::optional<HttpTarget> proxy;
  std::shared_ptr<TlsContext> tls;  // there if target.tls
};

// Lives as long as its handlers; whoever is done with it calls Close. Used by the thread that runs
// the io_context.
//
// Sockets are made here and not by Asio, which makes them without CLOEXEC: programs the service
// starts would inherit them. They are closed only while the number still means our socket.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                  boost::asio::io_context::executor_type>;
  using ErrorCode = boost::system::error_code;
  using Done = std::function<void(std::string error)>;  // "": open

  HttpConnection(boost::asio::io_context& io, HostResolver* resolver, HttpRoute route);
  ~HttpConnection();

  // Calls `done` once, unless Close comes first. `limit_ns` is what is left of the caller's time,
  // shared out among the addresses of a name; the caller enforces it by Close.
  void Open(int64_t limit_ns, Done done);
  void Close();
  bool closed() const { return closed_; }

  // True if it is open, still our socket, not too old, and the receiver has not hung up.
  bool IsReusable() const;

  // Calls `use` with the stream to read and write: TLS or plain.
  template <typename Use>
  void WithStream(Use use) {
#if PODO_TLS
    if (tls_.has_value()) return use(*tls_);
#endif
    use(socket_);
  }

  // What it is at: "resolving collector.example", "connecting to 10.0.0.1:4318".
  const std::string& activity() const { return activity_; }
  // `code` in words, with what TLS has found out about certificates.
  std::string Explain(const ErrorCode& code) const;

 private:
  void Resolve(const HttpTarget& hop);
  void Connect(std::vector<SocketAddress> addresses);
  void TryNextAddress();
  void OnConnected();
  void AskProxy();
  void OnProxyAnswer(const ErrorCode& code);
  void Handshake();
  void Finish(std::string error);
  std::string AssignSocket(const SocketAddress& address);
  void DropSocket();

  boost::asio::io_context& io_;
  HostResolver* const resolver_;
  const HttpRoute route_;
  Socket socket_;
  base::OwnedFd owned_;
#if PODO_TLS
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
#endif
  std::string tls_problem_;  // which certificate and why
  boost::asio::steady_timer attempt_timer_;
  std::vector<SocketAddress> addresses_;
  size_t next_address_ = 0;
  uint64_t attempt_ = 0;  // of TryNextAddress, so that a late answer of the last one is known
  std::string last_error_;
  uint64_t lookup_ = 0;
  int64_t deadline_ns_ = 0;
  int64_t opened_ns_ = 0;
  Done done_;
  std::string activity_;
  bool closed_ = false;

  using EmptyBody = boost::beast::http::empty_body;
  boost::beast::flat_buffer proxy_buffer_;
  boost::beast::http::request<EmptyBody> proxy_request_;
  std::optional<boost::beast::http::response_parser<EmptyBody>> proxy_answer_;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_HTTP_CONNECTION_H_
