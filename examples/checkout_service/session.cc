// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <string>
#include <utility>

namespace checkout {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

Session::Session(asio::ip::tcp::socket socket, const Limits& limits, OrderBook& orders,
                 std::shared_ptr<Connections> connections)
    : stream_(std::move(socket)),
      limits_(limits),
      orders_(orders),
      connections_(std::move(connections)),
      buffer_(limits.header_bytes + limits.body_bytes) {}

Session::~Session() { connections_->Remove(this); }

void Session::Start() {
  connections_->Add(this, weak_from_this());
  beast::error_code ignored;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->ReadHeader(); });
}

void Session::FinishSoon() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->finishing_ = true;
    if (self->between_requests_) self->stream_.cancel();
  });
}

void Session::ReadHeader() {
  parser_.emplace();
  parser_->header_limit(limits_.header_bytes);
  parser_->body_limit(limits_.body_bytes);
  between_requests_ = true;
  stream_.expires_after(limits_.idle);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](beast::error_code error, std::size_t) { self->OnHeader(error); });
}

void Session::OnHeader(beast::error_code error) {
  between_requests_ = false;
  if (error) return Refuse(error);
  if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return ReadBody();
  go_ahead_ = {http::status::continue_, parser_->get().version()};
  http::async_write(stream_, go_ahead_,
                    [self = shared_from_this()](beast::error_code write_error, std::size_t) {
                      if (!write_error) self->ReadBody();
                    });
}

void Session::ReadBody() {
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](beast::error_code error, std::size_t) {
                     self->OnRequest(error);
                   });
}

void Session::OnRequest(beast::error_code error) {
  if (error) return Refuse(error);
  const auto& message = parser_->get();
  const bool head_only = message.method() == http::verb::head;
  const beast::string_view method = head_only ? "GET" : message.method_string();
  const Request request = {{method.data(), method.size()},
                           {message.target().data(), message.target().size()},
                           message.body()};
  Answer(Handle(request, orders_), message.keep_alive(), head_only);
}

// A request that could not be read: answers it if the client can still make sense of an answer.
void Session::Refuse(beast::error_code error) {
  if (error == http::error::body_limit) {
    const std::string most = std::to_string(limits_.body_bytes);
    return Answer(ErrorResponse(413, "body: larger than " + most + " bytes"), false, false);
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    const std::string most = std::to_string(limits_.header_bytes);
    return Answer(ErrorResponse(431, "header: larger than " + most + " bytes"), false, false);
  }
  const bool not_http =
      error.category() == http::make_error_code(http::error::bad_method).category();
  if (not_http && error != http::error::end_of_stream && error != http::error::partial_message) {
    return Answer(ErrorResponse(400, "not HTTP: " + error.message()), false, false);
  }
  // End of the connection, an error of it, or a time-out: nobody is there to be answered.
  beast::error_code ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
}

void Session::Answer(const Response& response, bool keep_alive, bool head_only) {
  response_ = {};
  response_.result(static_cast<unsigned>(response.http_status));
  response_.set(http::field::server, "checkout_service");
  response_.set(http::field::content_type, "application/json");
  if (!response.allow.empty()) {
    response_.set(http::field::allow,
                  beast::string_view(response.allow.data(), response.allow.size()));
  }
  response_.keep_alive(keep_alive && !finishing_);
  response_.content_length(response.body.size());
  if (!head_only) response_.body() = response.body;
  stream_.expires_after(limits_.write);
  http::async_write(stream_, response_,
                    [self = shared_from_this(), close = response_.need_eof()](
                        beast::error_code error, std::size_t) { self->OnAnswered(error, close); });
}

void Session::OnAnswered(beast::error_code error, bool close) {
  if (error) return;
  if (!close && !finishing_) return ReadHeader();
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (!error) Linger();
}

// Closing with unread input would reset the connection, and the client might never see its answer:
// so what it still sends is read and dropped, within bounds.
void Session::Linger() {
  stream_.expires_after(std::chrono::seconds(1));
  stream_.async_read_some(asio::buffer(discarded_),
                          [self = shared_from_this()](beast::error_code error, std::size_t bytes) {
                            if (error || bytes >= self->linger_bytes_left_) return;
                            self->linger_bytes_left_ -= bytes;
                            self->Linger();
                          });
}

}  // namespace checkout
