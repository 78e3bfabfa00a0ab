// SPDX-License-Identifier: Apache-2.0
// checkout_service: a small shop's HTTP service, profiled by one line of podo.
//
//   checkout_service [--port N] [--threads N]      (port 0: any free one; it is printed)
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <thread>
#include <vector>

#include "flags.h"
#include "order_book.h"
#include "podo/podo.h"
#include "server.h"

namespace {

using boost::asio::ip::tcp;

constexpr std::size_t kOpenOrders = 10'000;

void Serve(std::uint16_t port, int threads) {
  checkout::OrderBook orders(kOpenOrders);
  boost::asio::io_context io(threads);
  checkout::Server server(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), port),
                          checkout::Limits(), orders);
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    server.Stop();
    signals.clear();  // a second signal ends the process at once
  });
  server.Start();
  std::cout << "checkout_service: listening on " << server.endpoint() << std::endl;

  // main() only waits: with all work on like threads, a flame graph has one tower, not two.
  std::vector<std::jthread> pool;
  for (int i = 0; i < threads; ++i) pool.emplace_back([&io] { io.run(); });
}

}  // namespace

int main(int argc, char** argv) {
  podo::Start();

  double port = 8080;
  double threads = 4;
  const checkout::Flag flags[] = {{"--port", &port, 0, 65535, true},
                                  {"--threads", &threads, 1, 256, true}};
  if (const std::string error = checkout::ParseFlags(argc, argv, flags); !error.empty()) {
    std::cerr << "checkout_service: " << error << "\n";
    return 2;
  }
  try {
    Serve(static_cast<std::uint16_t>(port), static_cast<int>(threads));
  } catch (const boost::system::system_error& error) {
    std::cerr << "checkout_service: cannot listen on 127.0.0.1:" << port << ": "
              << error.code().message() << "\n";
    return 1;
  }
  std::cout << "checkout_service: stopped" << std::endl;
  return 0;
}
