// SPDX-License-Identifier: Apache-2.0
// open_load PORT RATE SECONDS SEED: requests to a checkout_service at times that do not depend on
// its answers (an open loop: exponential gaps, RATE a second). A latency counts from the moment a
// request was due, so that a stall is felt by all who came during it. Prints one line:
// requests, errors, and p50 p99 p999 max in microseconds. The first tenth of the time does not
// count.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using boost::system::error_code;

constexpr int kConnections = 32;

std::string Request() {
  const std::string body =
      R"({"customer":"Ada","country":"DE","items":[{"sku":"TEA-GREEN","quantity":12},)"
      R"({"sku":"POT-CLAY","quantity":1}],"note":{"text":"Before Friday, please"}})";
  return "POST /checkout HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

class Load;

// One connection: idle, or with a request under way.
class Customer {
 public:
  Customer(asio::io_context* io, Load* load) : socket_(*io), load_(load) {}
  void Connect(const asio::ip::tcp::endpoint& server) {
    socket_.connect(server);
    socket_.set_option(asio::ip::tcp::no_delay(true));
  }
  void Ask(Clock::time_point due);

 private:
  void ReadBody(std::size_t head);
  void Done(bool good);
  asio::ip::tcp::socket socket_;
  Load* load_;
  Clock::time_point due_;
  std::string answer_;
};

class Load {
 public:
  Load(double rate, double seconds, unsigned seed)
      : random_(seed), gap_s_(rate), timer_(io_), begin_(Clock::now()) {
    counts_from_ = begin_ + Seconds(seconds / 10);
    until_ = begin_ + Seconds(seconds);
    next_ = begin_;
  }

  void Run(unsigned short port) {
    const asio::ip::tcp::endpoint server(asio::ip::address_v4::loopback(), port);
    for (int i = 0; i < kConnections; ++i) {
      customers_.push_back(std::make_unique<Customer>(&io_, this));
      customers_.back()->Connect(server);
      idle_.push_back(customers_.back().get());
    }
    Arrive();
    io_.run();
    std::sort(latencies_us_.begin(), latencies_us_.end());
    std::printf("%zu %llu %.1f %.1f %.1f %.1f\n", latencies_us_.size(), errors_, At(0.5), At(0.99),
                At(0.999), At(1));
  }

  void Finished(Customer* customer, Clock::time_point due, bool good) {
    if (!good) {  // the connection is lost, the run is void
      ++errors_;
      return;
    }
    if (due >= counts_from_) {
      latencies_us_.push_back(
          std::chrono::duration<double, std::micro>(Clock::now() - due).count());
    }
    idle_.push_back(customer);
    Serve();
  }

  const std::string& request() const { return request_; }

 private:
  static Clock::duration Seconds(double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  }
  double At(double share) const {
    if (latencies_us_.empty()) return 0;
    return latencies_us_[static_cast<std::size_t>(share *
                                                  static_cast<double>(latencies_us_.size() - 1))];
  }

  void Arrive() {
    for (; next_ <= Clock::now() && next_ < until_; next_ += Seconds(gap_s_(random_))) {
      waiting_.push_back(next_);
    }
    Serve();
    if (next_ >= until_) return;  // what is under way ends
    timer_.expires_at(next_);
    timer_.async_wait([this](error_code) { Arrive(); });
  }

  void Serve() {
    while (!waiting_.empty() && !idle_.empty()) {
      Customer* customer = idle_.back();
      idle_.pop_back();
      const Clock::time_point due = waiting_.front();
      waiting_.pop_front();
      customer->Ask(due);
    }
  }

  asio::io_context io_{1};
  const std::string request_ = Request();
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_s_;
  asio::steady_timer timer_;
  Clock::time_point begin_, counts_from_, until_, next_;
  std::vector<std::unique_ptr<Customer>> customers_;
  std::vector<Customer*> idle_;
  std::deque<Clock::time_point> waiting_;
  std::vector<double> latencies_us_;
  unsigned long long errors_ = 0;
};

void Customer::Ask(Clock::time_point due) {
  due_ = due;
  asio::async_write(socket_, asio::buffer(load_->request()), [this](error_code error, std::size_t) {
    if (error) return Done(false);
    asio::async_read_until(socket_, asio::dynamic_buffer(answer_), "\r\n\r\n",
                           [this](error_code failed, std::size_t head) {
                             if (failed) return Done(false);
                             ReadBody(head);
                           });
  });
}

void Customer::ReadBody(std::size_t head) {
  const std::size_t field = answer_.find("Content-Length: ");
  if (!answer_.starts_with("HTTP/1.1 200") || field > head) return Done(false);
  const std::size_t size = head + std::strtoull(&answer_[field + 16], nullptr, 10);
  if (answer_.size() >= size) return Done(true);
  asio::async_read(socket_, asio::dynamic_buffer(answer_),
                   asio::transfer_exactly(size - answer_.size()),
                   [this](error_code error, std::size_t) { Done(!error); });
}

void Customer::Done(bool good) {
  answer_.clear();
  load_->Finished(this, due_, good);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  try {
    Load load(std::atof(argv[2]), std::atof(argv[3]), static_cast<unsigned>(std::atoi(argv[4])));
    load.Run(static_cast<unsigned short>(std::atoi(argv[1])));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "open_load: %s\n", error.what());
    return 1;
  }
  return 0;
}
