// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace checkout {

namespace asio = boost::asio;
using boost::asio::ip::tcp;
using boost::system::error_code;

Server::Server(asio::io_context& io, const tcp::endpoint& endpoint, const Limits& limits,
               OrderBook& orders)
    : io_(io),
      strand_(asio::make_strand(io)),
      acceptor_(strand_, endpoint),
      timer_(strand_),
      limits_(limits),
      orders_(orders),
      connections_(std::make_shared<Connections>()) {}

// Sessions cut off at the deadline end with the io_context, after the server.
Server::~Server() {
  connections_->WhenEmpty([] {});
}

void Server::Start() {
  asio::post(strand_, [this] { Accept(); });
}

void Server::Accept() {
  acceptor_.async_accept(asio::make_strand(io_), [this](error_code error, tcp::socket socket) {
    OnAccepted(error, std::move(socket));
  });
}

void Server::OnAccepted(error_code error, tcp::socket socket) {
  if (!acceptor_.is_open()) return;
  if (error) {
    // Most likely out of descriptors: accepting again at once would spin.
    timer_.expires_after(std::chrono::milliseconds(100));
    timer_.async_wait([this](error_code wait_error) {
      if (!wait_error && acceptor_.is_open()) Accept();
    });
    return;
  }
  if (connections_->size() < limits_.connections) {
    std::make_shared<Session>(std::move(socket), limits_, orders_, connections_)->Start();
  }
  Accept();
}

void Server::Stop() {
  asio::post(strand_, [this] {
    error_code ignored;
    acceptor_.close(ignored);
    timer_.expires_after(limits_.drain);
    timer_.async_wait([this](error_code error) {
      if (!error) io_.stop();
    });
    for (const auto& session : connections_->TakeSnapshot()) session->FinishSoon();
    connections_->WhenEmpty([this] { asio::post(strand_, [this] { timer_.cancel(); }); });
  });
}

}  // namespace checkout
