// SPDX-License-Identifier: Apache-2.0
#include "cart.h"

#include <utility>

#include "fields.h"
#include "request_error.h"

namespace checkout {
namespace {

constexpr std::size_t kMaxLines = 100;
constexpr std::int64_t kMaxQuantity = 999;
constexpr std::size_t kMaxCustomerBytes = 200;
constexpr std::string_view kWelcomeCoupon = "WELCOME10";
constexpr std::int64_t kWelcomePermil = 100;      // 10 % ...
constexpr std::int64_t kWelcomeMinCents = 2'000;  // ... on carts of at least 20.00
constexpr std::int64_t kVolumePermil = 50;        // 5 % on a line ...
constexpr std::int64_t kVolumeMinQuantity = 10;   // ... of at least ten pieces

// Exact in 64 bits: the dearest line is 999 pieces of less than 10^6 cents.
std::int64_t PermilOf(std::int64_t cents, std::int64_t permil) {
  return (cents * permil + 500) / 1000;
}

CartLine ParseLine(const Json& item) {
  const std::string sku = StringField(item, "sku");
  const Product* product = FindProduct(sku);
  if (product == nullptr) throw RequestError(400, "sku: unknown product \"" + sku + "\"");
  return {product, IntegerField(item, "quantity", 1, kMaxQuantity)};
}

bool ParseCoupon(const Json& body) {
  if (!body.contains("coupon")) return false;
  const std::string coupon = StringField(body, "coupon");
  if (coupon != kWelcomeCoupon) {
    throw RequestError(400, "coupon: unknown coupon \"" + coupon + "\"");
  }
  return true;
}

}  // namespace

Cart ParseCart(Json&& body) {
  if (!body.is_object()) throw RequestError(400, "body: expected a JSON object");
  Cart cart;
  cart.customer = StringField(body, "customer");
  if (cart.customer.size() > kMaxCustomerBytes) {
    throw RequestError(400, "customer: longer than 200 bytes");
  }
  const std::string country = StringField(body, "country");
  cart.zone = FindTaxZone(country);
  if (cart.zone == nullptr) throw RequestError(400, "country: no sales to \"" + country + "\"");
  const auto items = body.find("items");
  if (items == body.end() || !items->is_array() || items->empty() || items->size() > kMaxLines) {
    throw RequestError(400, "items: expected an array of 1 to 100 items");
  }
  for (const Json& item : *items) cart.lines.push_back(ParseLine(item));
  cart.welcome_coupon = ParseCoupon(body);
  if (const auto note = body.find("note"); note != body.end()) {
    if (!note->is_object()) throw RequestError(400, "note: expected an object");
    cart.note = std::move(*note);
  }
  return cart;
}

Receipt PriceCart(Cart&& cart) {
  Receipt receipt;
  receipt.customer = std::move(cart.customer);
  receipt.country = cart.zone->country;
  receipt.note = std::move(cart.note);
  for (const CartLine& line : cart.lines) {
    receipt.subtotal_cents += line.product->price_cents * line.quantity;
  }
  const bool coupon = cart.welcome_coupon && receipt.subtotal_cents >= kWelcomeMinCents;
  receipt.lines.reserve(cart.lines.size());
  for (const CartLine& line : cart.lines) {
    const std::int64_t gross = line.product->price_cents * line.quantity;
    std::int64_t discount =
        line.quantity >= kVolumeMinQuantity ? PermilOf(gross, kVolumePermil) : 0;
    if (coupon) discount += PermilOf(gross - discount, kWelcomePermil);
    const std::int64_t rate = line.product->tax_class == TaxClass::kReduced
                                  ? cart.zone->reduced_permil
                                  : cart.zone->standard_permil;
    const std::int64_t net = gross - discount;
    const std::int64_t tax = PermilOf(net, rate);
    receipt.lines.push_back({line.product, line.quantity, discount, net, tax});
    receipt.discount_cents += discount;
    receipt.tax_cents += tax;
    receipt.total_cents += net + tax;
  }
  return receipt;
}

}  // namespace checkout
