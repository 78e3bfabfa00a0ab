// SPDX-License-Identifier: Apache-2.0
#include "export/http_client.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <optional>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/parse_value.h"
#include "export/http_connection.h"

namespace podo::exporting {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr uint32_t kMaxHeaderBytes = 64 << 10;
// Answers like "100 Continue" come before the real one; nobody sends many.
constexpr int kMaxInterimAnswers = 8;

bool IsToken(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool IsHeaderValue(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const unsigned char byte = static_cast<unsigned char>(c);
    return (byte < ' ' && byte != '\t') || byte == 0x7f;
  });
}

}  // namespace

// Shared with the handlers of the exchange under way.
class HttpClient::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context* io, HostResolver* resolver, HttpClientOptions options)
      : io_(*io), resolver_(resolver), options_(std::move(options)), timer_(*io) {
    if (options_.target.tls) tls_ = TlsContext::Make(options_.tls);
  }

  void Post(HttpPost post, std::string_view body, std::function<void(HttpResult)> done);
  void Abandon();
  bool busy() const { return exchange_ != nullptr; }
  uint64_t connections() const { return connections_; }

 private:
  struct Exchange {
    HttpPost post;
    std::string_view body;
    std::function<void(HttpResult)> done;
    int64_t deadline_ns = 0;
    std::string activity;  // once connected; before, the connection knows
    http::request<http::span_body<const char>> request;
    boost::beast::flat_buffer buffer{2 * kMaxHeaderBytes};
    std::optional<http::response_parser<http::string_body>> answer;
    int interim_answers = 0;
    std::string write_error;
  };
  using ExchangePtr = std::shared_ptr<Exchange>;

  std::string PrepareRoute();
  std::string BuildRequest(Exchange* exchange);
  void Connect(const ExchangePtr& exchange);
  void Send(const ExchangePtr& exchange);
  void Receive(const ExchangePtr& exchange);
  void ReceiveBody(const ExchangePtr& exchange);
  void OnAnswer(const ExchangePtr& exchange, const error_code& code);
  void OnTimeout(const ExchangePtr& exchange);
  void Fail(const ExchangePtr& exchange, std::string error);
  HttpResult Result(Exchange* exchange, const std::string& error) const;
  void Finish(const ExchangePtr& exchange, HttpResult result);
  void DropConnection();
  bool IsCurrent(const ExchangePtr& exchange) const { return exchange_ == exchange; }

  asio::io_context& io_;
  HostResolver* const resolver_;
  const HttpClientOptions options_;
  asio::steady_timer timer_;
  base::StatusOr<std::shared_ptr<TlsContext>> tls_ = base::UnavailableError("not made");
  std::optional<HttpTarget> proxy_;
  std::shared_ptr<HttpConnection> connection_;
  ExchangePtr exchange_;
  uint64_t connections_ = 0;
};

void HttpClient::Impl::Post(HttpPost post, std::string_view body,
                            std::function<void(HttpResult)> done) {
  auto exchange = std::make_shared<Exchange>();
  exchange->post = std::move(post);
  exchange->body = body;
  exchange->done = std::move(done);
  exchange->deadline_ns = base::SteadyClockNs() + exchange->post.timeout_ns;
  std::string error = exchange_ != nullptr ? "an exchange is under way" : PrepareRoute();
  if (error.empty()) error = BuildRequest(exchange.get());
  if (!error.empty()) {
    asio::post(io_, [weak = weak_from_this(), exchange, error] {
      if (weak.expired()) return;
      HttpResult result;
      result.error = error;
      exchange->done(std::move(result));
    });
    return;
  }
  exchange_ = exchange;
  timer_.expires_after(std::chrono::nanoseconds(exchange->post.timeout_ns));
  timer_.async_wait([self = shared_from_this(), exchange](const error_code& code) {
    if (!code && self->IsCurrent(exchange)) self->OnTimeout(exchange);
  });
  if (connection_ != nullptr && connection_->IsReusable()) return Send(exchange);
  Connect(exchange);
}

// The way there, looked up anew each time: certificates may have been renewed.
std::string HttpClient::Impl::PrepareRoute() {
  const auto proxy = ChooseProxy(options_.target, options_.proxies);
  if (!proxy.ok()) return std::string(proxy.status().message());
  proxy_ = *proxy;
  if (!options_.target.tls) return "";
  if (!tls_.ok() || !(*tls_)->IsCurrent()) {
    DropConnection();
    tls_ = TlsContext::Make(options_.tls);
  }
  return tls_.ok() ? "" : std::string(tls_.status().message());
}

std::string HttpClient::Impl::BuildRequest(Exchange* exchange) {
  const HttpTarget& target = options_.target;
  std::string path = exchange->post.path.empty() ? target.path : exchange->post.path;
  if (!path.starts_with('/') || path.find(' ') != std::string::npos || !IsHeaderValue(path)) {
    return "a path that is no path";
  }
  auto& request = exchange->request;
  request.version(11);
  request.method(http::verb::post);
  const bool absolute = proxy_.has_value() && !target.tls;
  request.target(absolute ? "http://" + HostHeader(target) + path : path);
  if (!target.user.empty()) {
    request.set(http::field::authorization, "Basic " + absl::Base64Escape(target.user));
  }
  if (absolute && !proxy_->user.empty()) {
    request.set(http::field::proxy_authorization, "Basic " + absl::Base64Escape(proxy_->user));
  }
  auto headers = options_.headers;
  headers.insert(headers.end(), exchange->post.headers.begin(), exchange->post.headers.end());
  for (const auto& [name, value] : headers) {
    if (!IsToken(name) || !IsHeaderValue(value)) return "a header that is none";
    request.set(name, value);
  }
  request.set(http::field::host, HostHeader(target));
  request.body() = {exchange->body.data(), exchange->body.size()};
  request.prepare_payload();
  return "";
}

void HttpClient::Impl::Connect(const ExchangePtr& exchange) {
  DropConnection();
  ++connections_;
  HttpRoute route{options_.target, proxy_, tls_.ok() ? *tls_ : nullptr};
  connection_ = std::make_shared<HttpConnection>(io_, resolver_, std::move(route));
  const int64_t left_ns = exchange->deadline_ns - base::SteadyClockNs();
  connection_->Open(left_ns, [self = shared_from_this(), exchange](const std::string& error) {
    if (!self->IsCurrent(exchange)) return;
    if (!error.empty()) return self->Fail(exchange, error);
    self->Send(exchange);
  });
}

void HttpClient::Impl::Send(const ExchangePtr& exchange) {
  exchange->activity = "sending to " + AddressText(options_.target);
  connection_->WithStream([&](auto& stream) {
    http::async_write(
        stream, exchange->request,
        [self = shared_from_this(), exchange, keep = connection_](const error_code& code, size_t) {
          if (!self->IsCurrent(exchange)) return;
          // A receiver may refuse and hang up before it has read all: then its answer is there.
          if (code) exchange->write_error = keep->Explain(code);
          self->Receive(exchange);
        });
  });
}

void HttpClient::Impl::Receive(const ExchangePtr& exchange) {
  if (exchange->write_error.empty()) {
    exchange->activity = "waiting for the answer of " + AddressText(options_.target);
  }
  exchange->answer.emplace();
  exchange->answer->header_limit(kMaxHeaderBytes);
  exchange->answer->body_limit(options_.max_response_bytes);
  // In two steps: read at once, Beast 1.74 forgets its objection to a Content-Length above the
  // limit if bytes of the body come with the header.
  connection_->WithStream([&](auto& stream) {
    http::async_read_header(
        stream, exchange->buffer, *exchange->answer,
        [self = shared_from_this(), exchange, keep = connection_](const error_code& code, size_t) {
          if (!self->IsCurrent(exchange)) return;
          if (code || exchange->answer->is_done()) return self->OnAnswer(exchange, code);
          self->ReceiveBody(exchange);
        });
  });
}

void HttpClient::Impl::ReceiveBody(const ExchangePtr& exchange) {
  connection_->WithStream([&](auto& stream) {
    http::async_read(
        stream, exchange->buffer, *exchange->answer,
        [self = shared_from_this(), exchange, keep = connection_](const error_code& code, size_t) {
          if (self->IsCurrent(exchange)) self->OnAnswer(exchange, code);
        });
  });
}

void HttpClient::Impl::OnAnswer(const ExchangePtr& exchange, const error_code& code) {
  const bool has_header = exchange->answer->is_header_done();
  const int status = has_header ? static_cast<int>(exchange->answer->get().result_int()) : 0;
  if (!code && status >= 100 && status < 200 && ++exchange->interim_answers < kMaxInterimAnswers) {
    return Receive(exchange);
  }
  std::string error;
  if (code) {
    // With TLS 1.3 a refused client certificate first shows up here, as an alert.
    const bool is_alert = std::string_view(code.category().name()) == "asio.ssl";
    const bool broke_off = !exchange->write_error.empty() && !is_alert;
    error = exchange->activity + ": " +
            (broke_off ? exchange->write_error : connection_->Explain(code));
  }
  const bool keep = !code && exchange->write_error.empty() && exchange->answer->keep_alive() &&
                    exchange->buffer.size() == 0;
  HttpResult result = Result(exchange.get(), error);
  if (!keep) DropConnection();
  Finish(exchange, std::move(result));
}

// What was read so far: a status that was read counts, even if the rest never came.
HttpResult HttpClient::Impl::Result(Exchange* exchange, const std::string& error) const {
  HttpResult result;
  result.error = error;
  if (!exchange->answer.has_value() || !exchange->answer->is_header_done()) return result;
  auto& message = exchange->answer->get();
  const int status = static_cast<int>(message.result_int());
  if (status < 200) {
    if (error.empty()) result.error = "no final answer";
    return result;
  }
  result.status = status;
  result.body_complete = exchange->answer->is_done();
  result.retry_after = std::string(message[http::field::retry_after]);
  result.content_type = std::string(message[http::field::content_type]);
  result.body = std::move(message.body());
  return result;
}

void HttpClient::Impl::OnTimeout(const ExchangePtr& exchange) {
  const std::string activity =
      exchange->activity.empty() ? connection_->activity() : exchange->activity;
  Fail(exchange,
       absl::StrCat(activity, ": no end within ", exchange->post.timeout_ns / 1'000'000, " ms"));
}

void HttpClient::Impl::Fail(const ExchangePtr& exchange, std::string error) {
  HttpResult result = Result(exchange.get(), error);
  DropConnection();
  Finish(exchange, std::move(result));
}

void HttpClient::Impl::Finish(const ExchangePtr& exchange, HttpResult result) {
  exchange_ = nullptr;
  timer_.cancel();
  const auto done = std::move(exchange->done);
  done(std::move(result));
}

void HttpClient::Impl::DropConnection() {
  if (connection_ == nullptr) return;
  connection_->Close();
  connection_ = nullptr;
}

void HttpClient::Impl::Abandon() {
  exchange_ = nullptr;
  timer_.cancel();
  DropConnection();
}

HttpClient::HttpClient(asio::io_context* io, HostResolver* resolver, HttpClientOptions options)
    : impl_(std::make_shared<Impl>(io, resolver, std::move(options))) {}

HttpClient::~HttpClient() { impl_->Abandon(); }

void HttpClient::Post(HttpPost post, std::function<void(HttpResult)> done) {
  const std::string_view body = post.body != nullptr ? *post.body : std::string_view();
  impl_->Post(std::move(post), body, std::move(done));
}

void HttpClient::Post(HttpPost post, std::string_view body, std::function<void(HttpResult)> done) {
  impl_->Post(std::move(post), body, std::move(done));
}

bool HttpClient::busy() const { return impl_->busy(); }

uint64_t HttpClient::connections() const { return impl_->connections(); }

}  // namespace podo::exporting
