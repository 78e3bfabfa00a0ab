// SPDX-License-Identifier: Apache-2.0
// HTTP for the sinks: an HttpPoster behind which the network module stands.
#ifndef PODO_LIB_EXPORT_NET_POSTER_H_
#define PODO_LIB_EXPORT_NET_POSTER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/status.h"
#include "export/http_poster.h"
#include "export/http_target.h"
#include "export/tls.h"
#include "net/net_abi.h"

namespace podo::exporting {

struct NetPosterOptions {
  HttpTarget target;
  ProxyVariables proxies;
  TlsFiles tls;
  HttpHeaders headers;  // on every request
  // What is read of an answer at most. OTLP advises 4 MiB at most; honest answers have some hundred
  // bytes, and the log takes 200.
  size_t max_response_bytes = size_t{64} << 10;
  // Starts a thread of podo's on which all signals are blocked, for a name that has to be looked
  // up. Nobody waits for it. Called by the thread that posts.
  std::function<base::Status(const char* name, std::function<void()> body)> start_thread;
};

class NetPoster final : public HttpPoster {
 public:
  // Loads the module if that has not happened yet: for the thread that calls Start(), see
  // net_loader.h. Opens no connection, reads no certificate. The error is one line.
  static base::StatusOr<std::unique_ptr<NetPoster>> Make(NetPosterOptions options);
  NetPoster(const NetPoster&) = delete;
  NetPoster& operator=(const NetPoster&) = delete;
  ~NetPoster() override;

  HttpResult Post(const HttpPost& post) override;
  void Interrupt() override { api_->interrupt(client_); }

  // Connections opened so far; fewer than exchanges if they are kept.
  uint64_t connections() const { return connections_; }

 private:
  explicit NetPoster(NetPosterOptions options) : options_(std::move(options)) {}
  static int StartThread(void* poster, const char* name, void (*body)(void*), void* argument);
  podo_net_client* Open();

  const NetPosterOptions options_;
  const podo_net_api* api_ = nullptr;
  podo_net_client* client_ = nullptr;
  uint64_t connections_ = 0;
};

}  // namespace podo::exporting

#endif  // PODO_LIB_EXPORT_NET_POSTER_H_
