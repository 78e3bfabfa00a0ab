// SPDX-License-Identifier: Apache-2.0
// One connection: reads requests, has them answered, writes the answers, until either side is done.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_SESSION_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_SESSION_H_

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "connections.h"
#include "order_book.h"
#include "routes.h"

namespace checkout {

struct Limits {
  std::uint32_t header_bytes = 8 * 1024;
  std::uint64_t body_bytes = 128 * 1024;
  std::size_t connections = 256;
  std::chrono::seconds idle{30};   // between two requests, and for one request to arrive
  std::chrono::seconds write{10};  // for a client to take its answer
  std::chrono::seconds drain{5};   // for requests under way when the server stops
};

// All handlers of a session run on its strand, so it needs no lock.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::ip::tcp::socket socket, const Limits& limits, OrderBook& orders,
          std::shared_ptr<Connections> connections);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Called once, by the shared_ptr that made it.
  void Start();

  // Thread-safe: ends the connection after the answer under way, at once if there is none.
  void FinishSoon();

 private:
  using StringRequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void ReadHeader();
  void OnHeader(boost::beast::error_code error);
  void ReadBody();
  void OnRequest(boost::beast::error_code error);
  void Refuse(boost::beast::error_code error);
  void Answer(const Response& response, bool keep_alive, bool head_only);
  void OnAnswered(boost::beast::error_code error, bool close);
  void Linger();

  boost::beast::tcp_stream stream_;
  const Limits limits_;
  OrderBook& orders_;
  const std::shared_ptr<Connections> connections_;
  boost::beast::flat_buffer buffer_;
  std::optional<StringRequestParser> parser_;  // a parser reads one request only
  boost::beast::http::response<boost::beast::http::string_body> response_;
  boost::beast::http::response<boost::beast::http::empty_body> go_ahead_;
  std::array<char, 4096> discarded_;
  std::uint64_t linger_bytes_left_ = 1 << 20;
  bool between_requests_ = false;
  bool finishing_ = false;
};

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_SESSION_H_
