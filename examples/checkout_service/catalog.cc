// SPDX-License-Identifier: Apache-2.0
#include "catalog.h"

#include <algorithm>
#include <array>

namespace checkout {
namespace {

constexpr std::array kProducts = {
    Product{"TEA-GREEN", "Green tea, 250 g", 890, TaxClass::kReduced},
    Product{"TEA-BLACK", "Black tea, 250 g", 790, TaxClass::kReduced},
    Product{"POT-CLAY", "Clay teapot, 0.8 l", 4900, TaxClass::kStandard},
    Product{"POT-IRON", "Cast iron teapot, 1.2 l", 7450, TaxClass::kStandard},
    Product{"CUP-SET4", "Four tea cups", 2395, TaxClass::kStandard},
    Product{"BOOK-TEA", "The Book of Tea", 1200, TaxClass::kReduced},
};

constexpr std::array kTaxZones = {
    TaxZone{"AT", 200, 100},
    TaxZone{"DE", 190, 70},
    TaxZone{"FR", 200, 55},
    TaxZone{"NL", 210, 90},
};

}  // namespace

std::span<const Product> Products() { return kProducts; }

const Product* FindProduct(std::string_view sku) {
  const auto found = std::ranges::find(kProducts, sku, &Product::sku);
  return found == kProducts.end() ? nullptr : &*found;
}

const TaxZone* FindTaxZone(std::string_view country) {
  const auto found = std::ranges::find(kTaxZones, country, &TaxZone::country);
  return found == kTaxZones.end() ? nullptr : &*found;
}

}  // namespace checkout
