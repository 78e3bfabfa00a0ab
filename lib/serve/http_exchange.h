// SPDX-License-Identifier: Apache-2.0
// A request that waits for its answer, between the server's thread and whoever answers.
#ifndef PODO_LIB_SERVE_HTTP_EXCHANGE_H_
#define PODO_LIB_SERVE_HTTP_EXCHANGE_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/owned_fd.h"

namespace podo::serve {

// What a handler sees; valid during the call.
struct HttpRequest {
  std::string_view method, target, accept, accept_encoding, body;
};

// Bytes of answers that are not sent yet, of all clients together. Outlives the server.
class HttpBudget {
 public:
  // A single answer may be larger, where no other waits.
  static constexpr size_t kMaxBytes = size_t{32} << 20;

  // A part of the budget, given back at its end.
  class Share {
   public:
    Share() = default;
    Share(std::shared_ptr<HttpBudget> budget, size_t bytes)
        : budget_(std::move(budget)), bytes_(bytes) {}
    Share(Share&& other) noexcept
        : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
    Share& operator=(Share other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Share() {
      if (bytes_ != 0) budget_->used_.fetch_sub(bytes_, std::memory_order_relaxed);
    }

   private:
    std::shared_ptr<HttpBudget> budget_;
    size_t bytes_ = 0;
  };

  // None if so much is not left. Any thread. Relaxed: a sum, nothing hangs on it.
  static std::optional<Share> Take(const std::shared_ptr<HttpBudget>& budget, size_t bytes) {
    const size_t before = budget->used_.fetch_add(bytes, std::memory_order_relaxed);
    Share share(budget, bytes);
    if (before != 0 && before + bytes > kMaxBytes) return std::nullopt;
    return share;
  }

 private:
  std::atomic<size_t> used_{0};
};

struct HttpAnswer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  HttpBudget::Share share;  // of `body`
};

// Ends the server's poll(). Outlives the server in the hands of late answers.
class HttpWakeup {
 public:
  HttpWakeup();
  bool ok() const { return event_.get() >= 0; }
  int fd() const { return event_.get(); }
  bool IsOurs() const { return event_.IsOurs(); }
  void Post();   // any thread
  void Drain();  // the server's

 private:
  base::OwnedFd event_;  // the end that is polled
  base::OwnedFd sender_;
};

class HttpExchange {
 public:
  HttpExchange(std::shared_ptr<HttpWakeup> wakeup, std::shared_ptr<HttpBudget> budget)
      : wakeup_(std::move(wakeup)), budget_(std::move(budget)) {}

  // Once; any thread. Nothing happens if the client is gone. Without an answer its connection is
  // closed. Where too much waits for slow readers already, the answer is a refusal.
  void Answer(std::optional<HttpAnswer> answer);
  bool is_waiting() const { return is_waiting_.load(std::memory_order_relaxed); }

  // The server's thread. The client is gone, or the server is.
  void GiveUp() { is_waiting_.store(false, std::memory_order_relaxed); }
  // False if there is no answer yet.
  bool Take(std::optional<HttpAnswer>* answer);

 private:
  const std::shared_ptr<HttpWakeup> wakeup_;
  const std::shared_ptr<HttpBudget> budget_;
  std::atomic<bool> is_waiting_{true};  // relaxed: a hint that work may be spared
  std::mutex mutex_;
  bool is_answered_ = false;
  std::optional<HttpAnswer> answer_;
};

}  // namespace podo::serve

#endif  // PODO_LIB_SERVE_HTTP_EXCHANGE_H_
