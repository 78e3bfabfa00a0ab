// SPDX-License-Identifier: Apache-2.0
// One customer of the load generator: a keep-alive connection that browses, checks out and pays,
// again and again, always waiting for one answer before the next request (a closed loop).
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_VISITOR_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_VISITOR_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace checkout {

using Clock = std::chrono::steady_clock;

struct LoadPlan {
  boost::asio::ip::tcp::endpoint service;
  Clock::time_point until;
  double nested_share;  // of the checkouts
  std::string flat_checkout;
  std::string nested_checkout;
};

struct LoadTally {
  std::vector<std::uint32_t> latencies_us;  // of answered requests
  std::uint64_t errors = 0;
  std::string first_error;
};

// Plan and tally outlive it. One thread runs all visitors.
class Visitor {
 public:
  Visitor(boost::asio::io_context& io, const LoadPlan& plan, LoadTally& tally, unsigned seed);
  void Start();

 private:
  enum class Step { kBrowse, kCheckout, kPay };

  void Send();
  void Receive();
  void OnAnswer();
  void Fail(const std::string& what);
  std::string NextBody();

  boost::beast::tcp_stream stream_;
  const LoadPlan& plan_;
  LoadTally& tally_;
  std::minstd_rand random_;
  Step step_ = Step::kBrowse;
  Clock::time_point sent_at_;
  boost::beast::http::request<boost::beast::http::string_body> request_;
  boost::beast::http::response<boost::beast::http::string_body> response_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_VISITOR_H_
