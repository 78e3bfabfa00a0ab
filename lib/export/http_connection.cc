// SPDX-License-Identifier: Apache-2.0
#include "export/http_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "export/tls_verify.h"

namespace podo::exporting {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// A connection kept for longer would hold on to one gateway of many and to an old certificate.
constexpr int64_t kMaxAgeNs = int64_t{300} * 1'000'000'000;

SocketAddress UnixAddress(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  size_t size = offsetof(sockaddr_un, sun_path) + path.size();
  if (path.starts_with('@')) {
    address.sun_path[0] = '\0';  // abstract: the length counts, no NUL ends it
  } else {
    ++size;
  }
  return {reinterpret_cast<const char*>(&address), size};
}

// The address if `host` is one already.
std::optional<SocketAddress> LiteralAddress(const std::string& host, uint16_t port) {
  boost::system::error_code code;
  const asio::ip::address address = asio::ip::make_address(host, code);
  if (code) return std::nullopt;
  const asio::ip::tcp::endpoint endpoint(address, port);
  return SocketAddress(reinterpret_cast<const char*>(endpoint.data()), endpoint.size());
}

int FamilyOf(const SocketAddress& address) {
  sa_family_t family = AF_UNSPEC;
  std::memcpy(&family, address.data(), sizeof family);
  return family;
}

std::string AddressName(const SocketAddress& address, const HttpTarget& hop) {
  if (FamilyOf(address) == AF_UNIX) return AddressText(hop);
  asio::ip::tcp::endpoint endpoint;
  endpoint.resize(address.size());
  std::memcpy(endpoint.data(), address.data(), address.size());
  boost::system::error_code code;
  HttpTarget shown;
  shown.host = endpoint.address().to_string(code);
  shown.port = endpoint.port();
  return AddressText(shown);
}

}  // namespace

HttpConnection::HttpConnection(asio::io_context& io, HostResolver* resolver, HttpRoute route)
    : io_(io),
      resolver_(resolver),
      route_(std::move(route)),
      socket_(io),
      attempt_timer_(io),
      proxy_buffer_(size_t{16} << 10) {}

HttpConnection::~HttpConnection() { DropSocket(); }

void HttpConnection::Open(int64_t limit_ns, Done done) {
  done_ = std::move(done);
  deadline_ns_ = base::SteadyClockNs() + limit_ns;
  const HttpTarget& hop = route_.proxy ? *route_.proxy : route_.target;
  if (!hop.unix_path.empty()) return Connect({UnixAddress(hop.unix_path)});
  if (auto address = LiteralAddress(hop.host, hop.port)) return Connect({*std::move(address)});
  Resolve(hop);
}

void HttpConnection::Resolve(const HttpTarget& hop) {
  activity_ = "resolving " + hop.host;
  lookup_ = resolver_->Resolve(hop.host, hop.port, [self = shared_from_this()](auto addresses) {
    self->lookup_ = 0;
    if (self->closed_) return;
    if (addresses.ok()) return self->Connect(*std::move(addresses));
    self->Finish(absl::StrCat(self->activity_, ": ", std::string(addresses.status().message())));
  });
}

void HttpConnection::Connect(std::vector<SocketAddress> addresses) {
  addresses_ = std::move(addresses);
  TryNextAddress();
}

std::string HttpConnection::AssignSocket(const SocketAddress& address) {
  DropSocket();
  const int family = FamilyOf(address);
  owned_ = base::OwnedFd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (owned_.get() < 0) return std::strerror(errno);
  if (family != AF_UNIX) {
    const int on = 1;
    setsockopt(owned_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ErrorCode code;
  socket_.assign(asio::generic::stream_protocol(family, 0), owned_.get(), code);
  return code ? code.message() : "";
}

// Every address gets an equal share of the time that is left, so that one that swallows packets
// does not use up all of it.
void HttpConnection::TryNextAddress() {
  if (next_address_ >= addresses_.size()) return Finish(last_error_);
  const SocketAddress& address = addresses_[next_address_];
  const int64_t left_ns = std::max(deadline_ns_ - base::SteadyClockNs(), int64_t{0});
  const int64_t share_ns = left_ns / static_cast<int64_t>(addresses_.size() - next_address_);
  ++next_address_;
  activity_ = "connecting to " + AddressName(address, route_.proxy ? *route_.proxy : route_.target);
  if (const std::string error = AssignSocket(address); !error.empty()) {
    last_error_ = activity_ + ": " + error;
    return TryNextAddress();
  }
  const uint64_t attempt = ++attempt_;
  const auto on_end = [self = shared_from_this(), attempt](const std::string& error) {
    if (self->closed_ || self->attempt_ != attempt) return;
    ++self->attempt_;
    self->attempt_timer_.cancel();
    if (error.empty()) return self->OnConnected();
    self->last_error_ = self->activity_ + ": " + error;
    self->TryNextAddress();
  };
  if (next_address_ < addresses_.size()) {
    attempt_timer_.expires_after(std::chrono::nanoseconds(share_ns));
    attempt_timer_.async_wait([on_end](const ErrorCode& code) {
      if (!code) on_end("no answer");
    });
  }
  const asio::generic::stream_protocol::endpoint endpoint(address.data(), address.size());
  socket_.async_connect(endpoint,
                        [on_end](const ErrorCode& code) { on_end(code ? code.message() : ""); });
}

void HttpConnection::OnConnected() {
  if (route_.proxy && route_.target.tls) return AskProxy();
  if (route_.target.tls) return Handshake();
  Finish("");
}

void HttpConnection::AskProxy() {
  activity_ = absl::StrCat("asking the proxy ", AddressText(*route_.proxy), " for ",
                           AddressText(route_.target));
  const std::string address = AddressText(route_.target);
  proxy_request_ = {http::verb::connect, address, 11};
  proxy_request_.set(http::field::host, address);
  if (!route_.proxy->user.empty()) {
    proxy_request_.set(http::field::proxy_authorization,
                       "Basic " + absl::Base64Escape(route_.proxy->user));
  }
  http::async_write(
      socket_, proxy_request_, [self = shared_from_this()](const ErrorCode& code, size_t) {
        if (self->closed_) return;
        if (code) return self->OnProxyAnswer(code);
        self->proxy_answer_.emplace();
        self->proxy_answer_->skip(true);  // what follows a 200 is the tunnel
        http::async_read_header(self->socket_, self->proxy_buffer_, *self->proxy_answer_,
                                [self](const ErrorCode& error, size_t) {
                                  if (!self->closed_) self->OnProxyAnswer(error);
                                });
      });
}

void HttpConnection::OnProxyAnswer(const ErrorCode& code) {
  if (code) return Finish(activity_ + ": " + Explain(code));
  const int status = static_cast<int>(proxy_answer_->get().result_int());
  if (status < 200 || status > 299)
    return Finish(absl::StrCat(activity_, ": it answered ", status));
  Handshake();
}

void HttpConnection::Handshake() {
#if PODO_TLS
  activity_ = "TLS handshake with " + AddressText(route_.target);
  tls_.emplace(socket_, route_.tls->ssl());
  const std::string error = ExpectHost(tls_->native_handle(), route_.target.host, &tls_problem_);
  if (!error.empty()) return Finish(activity_ + ": " + error);
  tls_->async_handshake(asio::ssl::stream_base::client,
                        [self = shared_from_this()](const ErrorCode& code) {
                          if (self->closed_) return;
                          self->Finish(code ? self->activity_ + ": " + self->Explain(code) : "");
                        });
#else
  Finish("podo was built without TLS");
#endif
}

void HttpConnection::Finish(std::string error) {
  if (error.empty()) opened_ns_ = base::SteadyClockNs();
  // Posted: the caller of Open may not be called back from within it.
  asio::post(io_, [self = shared_from_this(), error = std::move(error)] {
    if (Done done = std::exchange(self->done_, nullptr); done && !self->closed_) done(error);
  });
}

void HttpConnection::Close() {
  closed_ = true;
  done_ = nullptr;
  attempt_timer_.cancel();
  if (lookup_ != 0) resolver_->Cancel(std::exchange(lookup_, 0));
  DropSocket();
}

// Pending operations end with operation_aborted. Asio lets go of the number; it is closed only if
// the host has not closed and reused it meanwhile.
void HttpConnection::DropSocket() {
  ErrorCode ignored;
  if (socket_.is_open()) socket_.release(ignored);
  owned_.Close();
}

bool HttpConnection::IsReusable() const {
  if (closed_ || opened_ns_ == 0 || base::SteadyClockNs() - opened_ns_ > kMaxAgeNs) return false;
  if (!owned_.IsOurs()) return false;
  // Between two exchanges there is nothing to read: bytes are an error, an end is a hang-up.
  char byte;
  return recv(owned_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

std::string HttpConnection::Explain(const ErrorCode& code) const {
  if (!tls_problem_.empty()) return tls_problem_;
  if (code == asio::error::eof || code == http::error::end_of_stream ||
      code == http::error::partial_message) {
    return "the other side closed the connection";
  }
  return code.message();
}

}  // namespace podo::exporting
