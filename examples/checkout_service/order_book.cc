// SPDX-License-Identifier: Apache-2.0
#include "order_book.h"

#include "request_error.h"

namespace checkout {

std::string OrderBook::Open(std::int64_t total_cents) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::string id = "R-" + std::to_string(next_number_++);
  orders_.emplace(id, Order{total_cents, false});
  oldest_first_.push_back(id);
  if (oldest_first_.size() > capacity_) {
    orders_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  return id;
}

void OrderBook::Pay(const std::string& id, std::int64_t amount_cents) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = orders_.find(id);
  if (found == orders_.end()) throw RequestError(404, "receipt: no open order \"" + id + "\"");
  Order& order = found->second;
  if (order.paid) throw RequestError(409, "receipt: \"" + id + "\" is paid already");
  if (order.total_cents != amount_cents) {
    throw RequestError(409, "amount_cents: expected " + std::to_string(order.total_cents));
  }
  order.paid = true;
}

}  // namespace checkout
