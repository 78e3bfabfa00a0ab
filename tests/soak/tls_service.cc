// SPDX-License-Identifier: Apache-2.0
// An HTTPS service on Beast with one line of podo: tls_service PORT CERTIFICATE KEY. Ends on
// SIGTERM.
#include <podo/podo.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

// Some work of its own, so that not all of a profile is TLS.
std::string Body(const std::string& target) {
  std::map<std::string, size_t> words;
  for (size_t i = 0; i < 200; ++i) words[target + std::to_string(i * 7919 % 211)] += i;
  std::string body;
  for (const auto& [word, count] : words) body += word + " " + std::to_string(count) + "\n";
  return body;
}

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, asio::ssl::context& tls) : stream_(std::move(socket), tls) {}

  void Start() {
    Deadline();
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this()](boost::system::error_code error) {
                              if (!error) self->Read();
                            });
  }

 private:
  void Deadline() { beast::get_lowest_layer(stream_).expires_after(std::chrono::seconds(10)); }

  void Read() {
    request_ = {};
    Deadline();
    http::async_read(stream_, buffer_, request_,
                     [self = shared_from_this()](boost::system::error_code error, size_t) {
                       if (error) return;  // also the end of the stream: the peer is not waited for
                       self->Write();
                     });
  }

  void Write() {
    response_ = {http::status::ok, request_.version()};
    response_.set(http::field::content_type, "text/plain");
    response_.keep_alive(request_.keep_alive());
    response_.body() = Body(std::string(request_.target()));
    response_.prepare_payload();
    http::async_write(stream_, response_,
                      [self = shared_from_this()](boost::system::error_code error, size_t) {
                        if (error) return;
                        if (self->response_.keep_alive()) return self->Read();
                        self->stream_.async_shutdown([self](boost::system::error_code) {});
                      });
  }

  beast::ssl_stream<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  http::response<http::string_body> response_;
};

void Accept(tcp::acceptor& acceptor, asio::io_context& io, asio::ssl::context& tls) {
  acceptor.async_accept(asio::make_strand(io),
                        [&](boost::system::error_code error, tcp::socket socket) {
                          if (!acceptor.is_open()) return;
                          if (!error) {
                            socket.set_option(tcp::no_delay(true), error);
                            std::make_shared<Session>(std::move(socket), tls)->Start();
                          }
                          Accept(acceptor, io, tls);
                        });
}

}  // namespace

int main(int argc, char** argv) {
  podo::Start();
  if (argc != 4) return 2;
  asio::io_context io;
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.use_certificate_chain_file(argv[2]);
  tls.use_private_key_file(argv[3], asio::ssl::context::pem);
  const auto port = static_cast<unsigned short>(std::atoi(argv[1]));
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), port));
  asio::signal_set signals(io, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { io.stop(); });
  Accept(acceptor, io, tls);
  std::cout << "listening" << std::endl;
  std::vector<std::jthread> pool;
  for (int i = 0; i < 2; ++i) pool.emplace_back([&io] { io.run(); });
}
