// SPDX-License-Identifier: Apache-2.0
// A service that has a /metrics of its own shows podo's metrics in it.
#include <iostream>
#include <string>

#include "podo/podo.h"

// What the service counts itself.
std::string MyOwnMetrics() {
  return "# HELP shop_orders_total Orders taken.\n"
         "# TYPE shop_orders_total counter\n"
         "shop_orders_total 42\n";
}

int main() {
  podo::Start();
  const std::string body = MyOwnMetrics() + podo::RenderMetrics();
  std::cout << body;  // in a service: the body of the answer to GET /metrics
}
