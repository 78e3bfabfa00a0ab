// SPDX-License-Identifier: Apache-2.0
// What the service answers: a request in, a response out, with nothing of the network in it.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_ROUTES_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_ROUTES_H_

#include <string>
#include <string_view>

#include "order_book.h"

namespace checkout {

struct Request {
  std::string_view method;
  std::string_view target;  // path, perhaps with a query
  std::string_view body;
};

struct Response {
  int http_status = 200;
  std::string body;             // JSON
  std::string_view allow = {};  // methods the path takes, with status 405
};

// The answer to every request that reads {"error":"..."}.
Response ErrorResponse(int http_status, std::string_view message);

// Thread-safe; throws nothing.
Response Handle(const Request& request, OrderBook& orders) noexcept;

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_ROUTES_H_
