// SPDX-License-Identifier: Apache-2.0
// Accepts connections and makes a session of each, until it is asked to stop.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_SERVER_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_SERVER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <memory>

#include "connections.h"
#include "order_book.h"
#include "session.h"

namespace checkout {

class Server {
 public:
  // Listens at once; throws boost::system::system_error if it cannot.
  Server(boost::asio::io_context& io, const boost::asio::ip::tcp::endpoint& endpoint,
         const Limits& limits, OrderBook& orders);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens; the port is the real one if 0 was asked for.
  boost::asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

  void Start();

  // Takes no new connection, lets requests under way finish within limits.drain, then has the
  // io_context run out of work. Thread-safe; call once.
  void Stop();

 private:
  void Accept();
  void OnAccepted(boost::system::error_code error, boost::asio::ip::tcp::socket socket);

  boost::asio::io_context& io_;
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;  // a pause after a failed accept; the deadline of Stop
  const Limits limits_;
  OrderBook& orders_;
  const std::shared_ptr<Connections> connections_;
};

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_SERVER_H_
