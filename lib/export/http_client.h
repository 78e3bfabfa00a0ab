// SPDX-License-Identifier: Apache-2.0
// Sends one POST at a time to one receiver, over HTTP/1.1: plain, TLS, unix socket, through a
// proxy.
//
// The connection is kept for the next request and dropped when it breaks, is five minutes old or
// the receiver has hung up. Nothing is sent twice: a request that broke off is the caller's to
// repeat. Redirects are not followed. Never raises SIGPIPE; its descriptors are not inherited by
// programs the service starts.
#ifndef PODO_LIB_EXPORT_HTTP_CLIENT_H_
#define PODO_LIB_EXPORT_HTTP_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "export/host_resolver.h"
#include "export/http_poster.h"
#include "export/http_target.h"
#include "export/send_outcome.h"
#include "export/tls.h"

namespace boost::asio {
class io_context;
}

namespace podo::exporting {

struct HttpClientOptions {
  HttpTarget target;
  ProxyVariables proxies;
  TlsFiles tls;
  // On every request. Values without control characters; a header that is not one is an error of
  // every Post. Host and Content-Length are the client's own.
  HttpHeaders headers;
  // What is read of an answer at most: OTLP's advice. 64 KiB of header are always the limit.
  size_t max_response_bytes = size_t{4} << 20;
};

// Used by one thread, the one that runs `io`. Costs no thread of its own; the resolver's is started
// if the receiver has a name.
class HttpClient {
 public:
  // For an https target certificate files are read here, and again when they were replaced.
  // `resolver` must outlive the client, `io` both.
  HttpClient(boost::asio::io_context* io, HostResolver* resolver, HttpClientOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  // Drops the connection and forgets the exchange under way; its `done` is not called.
  ~HttpClient();

  // Calls `done` once, from io.run() and at the latest some milliseconds after the timeout. A
  // second Post before that is an error, given to its own `done`.
  void Post(HttpPost post, std::function<void(HttpResult)> done);
  // The same with a body that stays where it is until `done`; post.body is not used.
  void Post(HttpPost post, std::string_view body, std::function<void(HttpResult)> done);

  bool busy() const;
  // Connections opened so far; fewer than exchanges if they are kept.
  uint64_t connections() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_HTTP_CLIENT_H_
