// SPDX-License-Identifier: Apache-2.0
// The orders that wait for payment: gives receipts their ids and takes payments against them.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_ORDER_BOOK_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_ORDER_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

namespace checkout {

// Thread-safe. Holds the newest `capacity` orders; older unpaid ones lapse.
class OrderBook {
 public:
  explicit OrderBook(std::size_t capacity) : capacity_(capacity) {}

  // Opens an order and returns its id.
  std::string Open(std::int64_t total_cents);

  // Throws RequestError: 404 for an unknown order, 409 if it is paid or the amount is another.
  void Pay(const std::string& id, std::int64_t amount_cents);

 private:
  struct Order {
    std::int64_t total_cents;
    bool paid;
  };

  const std::size_t capacity_;
  std::mutex mutex_;
  std::uint64_t next_number_ = 1;
  std::unordered_map<std::string, Order> orders_;
  std::deque<std::string> oldest_first_;
};

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_ORDER_BOOK_H_
