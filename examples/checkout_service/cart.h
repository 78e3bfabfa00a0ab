// SPDX-License-Identifier: Apache-2.0
// A cart as the client sends it, and the receipt that pricing makes of it.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_CART_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_CART_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "catalog.h"

namespace checkout {

using Json = nlohmann::json;

struct CartLine {
  const Product* product;
  std::int64_t quantity;
};

struct Cart {
  std::string customer;
  const TaxZone* zone;
  std::vector<CartLine> lines;
  bool welcome_coupon = false;
  Json note = nullptr;  // free-form object of the client's, handed back on the receipt; or null
};

struct ReceiptLine {
  const Product* product;
  std::int64_t quantity;
  std::int64_t discount_cents;
  std::int64_t net_cents;  // discount taken off, tax not added
  std::int64_t tax_cents;
};

struct Receipt {
  std::string id;  // given by the order book
  std::string customer;
  std::string country;
  std::vector<ReceiptLine> lines;
  std::int64_t subtotal_cents = 0;  // before discount and tax
  std::int64_t discount_cents = 0;
  std::int64_t tax_cents = 0;
  std::int64_t total_cents = 0;
  Json note = nullptr;
};

// Reads a cart out of a request body, which it consumes: a note can be deep, and copying it would
// recurse. Throws RequestError (400) that names the field.
Cart ParseCart(Json&& body);

// Applies volume discount, coupon and tax, rounding half up on every line.
Receipt PriceCart(Cart&& cart);

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_CART_H_
