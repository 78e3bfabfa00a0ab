// SPDX-License-Identifier: Apache-2.0
// Writes answers as JSON that may also stand inside a <script> element of the shop's pages: none of
// the characters < > & leaves this file unescaped.
#ifndef PODO_EXAMPLES_CHECKOUT_SERVICE_RECEIPT_JSON_H_
#define PODO_EXAMPLES_CHECKOUT_SERVICE_RECEIPT_JSON_H_

#include <string>
#include <string_view>

#include "cart.h"

namespace checkout {

std::string ReceiptToJson(const Receipt& receipt);
std::string ProductsToJson();

// {"name":"value"}
std::string PairToJson(std::string_view name, std::string_view value);

}  // namespace checkout

#endif  // PODO_EXAMPLES_CHECKOUT_SERVICE_RECEIPT_JSON_H_
