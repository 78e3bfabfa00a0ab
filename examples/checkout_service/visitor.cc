// SPDX-License-Identifier: Apache-2.0
#include "visitor.h"

#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "load_requests.h"

namespace checkout {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {
constexpr std::chrono::seconds kAnswerTimeout(20);
}

Visitor::Visitor(boost::asio::io_context& io, const LoadPlan& plan, LoadTally& tally, unsigned seed)
    : stream_(io), plan_(plan), tally_(tally), random_(seed) {}

void Visitor::Start() {
  stream_.expires_after(kAnswerTimeout);
  stream_.async_connect(plan_.service, [this](beast::error_code error) {
    if (error) return Fail("connect: " + error.message());
    Send();
  });
}

std::string Visitor::NextBody() {
  switch (step_) {
    case Step::kBrowse:
      return "";
    case Step::kCheckout:
      return std::uniform_real_distribution<>(0, 1)(random_) < plan_.nested_share
                 ? plan_.nested_checkout
                 : plan_.flat_checkout;
    case Step::kPay:
      return PayBody(response_.body());
  }
  return "";
}

void Visitor::Send() {
  if (Clock::now() >= plan_.until) return;
  static constexpr const char* kTargets[] = {"/products", "/checkout", "/pay"};
  std::string body = NextBody();
  request_ = {step_ == Step::kBrowse ? http::verb::get : http::verb::post,
              kTargets[static_cast<std::size_t>(step_)], 11};
  request_.set(http::field::host, "127.0.0.1");
  request_.body() = std::move(body);
  request_.prepare_payload();
  sent_at_ = Clock::now();
  stream_.expires_after(kAnswerTimeout);
  http::async_write(stream_, request_, [this](beast::error_code error, std::size_t) {
    if (error) return Fail("write: " + error.message());
    Receive();
  });
}

void Visitor::Receive() {
  response_ = {};
  http::async_read(stream_, buffer_, response_, [this](beast::error_code error, std::size_t) {
    if (error) return Fail("read: " + error.message());
    OnAnswer();
  });
}

void Visitor::OnAnswer() {
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - sent_at_);
  if (response_.result() != http::status::ok) {
    return Fail("status " + std::to_string(response_.result_int()) + ": " + response_.body());
  }
  tally_.latencies_us.push_back(static_cast<std::uint32_t>(took.count()));
  step_ = step_ == Step::kPay ? Step::kBrowse : static_cast<Step>(static_cast<int>(step_) + 1);
  Send();
}

void Visitor::Fail(const std::string& what) {
  ++tally_.errors;
  if (tally_.first_error.empty()) tally_.first_error = what;
}

}  // namespace checkout
