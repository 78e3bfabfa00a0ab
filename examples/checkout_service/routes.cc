// SPDX-License-Identifier: Apache-2.0
#include "routes.h"

#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "cart.h"
#include "fields.h"
#include "podo/context.h"
#include "receipt_json.h"
#include "request_error.h"

namespace checkout {
namespace {

Response Healthz(const Request&, OrderBook&) { return {200, PairToJson("status", "ok")}; }

Response ListProducts(const Request&, OrderBook&) { return {200, ProductsToJson()}; }

Response Checkout(const Request& request, OrderBook& orders) {
  Receipt receipt = PriceCart(ParseCart(ParseJson(request.body)));
  receipt.id = orders.Open(receipt.total_cents);
  return {200, ReceiptToJson(receipt)};
}

Response Pay(const Request& request, OrderBook& orders) {
  const Json body = ParseJson(request.body);
  const std::string id = StringField(body, "receipt");
  const std::int64_t amount_cents =
      IntegerField(body, "amount_cents", 0, std::numeric_limits<std::int64_t>::max());
  orders.Pay(id, amount_cents);
  return {200, PairToJson("paid", id)};
}

struct Route {
  std::string_view path;
  std::string_view method;
  Response (*answer)(const Request&, OrderBook&);
  podo::Labels labels{{"endpoint", path}};  // of the samples taken while it is answered
};

const std::array kRoutes = {
    Route{"/healthz", "GET", Healthz},
    Route{"/products", "GET", ListProducts},
    Route{"/checkout", "POST", Checkout},
    Route{"/pay", "POST", Pay},
};

Response Dispatch(const Request& request, OrderBook& orders) {
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  for (const Route& route : kRoutes) {
    if (route.path != path) continue;
    const podo::ScopedLabels endpoint(route.labels);
    if (route.method == request.method) return route.answer(request, orders);
    Response refused = ErrorResponse(405, "this path takes " + std::string(route.method));
    refused.allow = route.method;
    return refused;
  }
  throw RequestError(404, "no such path");
}

}  // namespace

Response ErrorResponse(int http_status, std::string_view message) {
  return {http_status, PairToJson("error", message)};
}

Response Handle(const Request& request, OrderBook& orders) noexcept {
  try {
    return Dispatch(request, orders);
  } catch (const RequestError& error) {
    return ErrorResponse(error.http_status(), error.what());
  } catch (const std::exception&) {
    return {500, "{\"error\":\"internal error\"}"};
  }
}

}  // namespace checkout
