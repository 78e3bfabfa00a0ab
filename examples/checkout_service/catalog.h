// SPDX-License-Identifier: Apache-2.0
// What the shop sells, and what tax each country takes on it.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_CATALOG_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_CATALOG_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace checkout {

enum class TaxClass { kStandard, kReduced };

struct Product {
  std::string_view sku;
  std::string_view name;
  std::int64_t price_cents;  // without tax
  TaxClass tax_class;
};

struct TaxZone {
  std::string_view country;      // ISO 3166-1 alpha-2
  std::int64_t standard_permil;  // tenths of a percent: 190 is 19 %
  std::int64_t reduced_permil;
};

std::span<const Product> Products();

// Null if there is no such product or the shop does not sell to that country.
const Product* FindProduct(std::string_view sku);
const TaxZone* FindTaxZone(std::string_view country);

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_CATALOG_H_
