// SPDX-License-Identifier: Apache-2.0
// A small library of several files, compiled in many ways for the symbolizer tests.
#include "price.h"

int Stock(int item);

namespace shop {

__attribute__((noinline)) int Checkout(int item, const Price& price) {  // MARK checkout-start
  int sum = Stock(item);
  for (int i = 0; i < item; ++i) {
    sum += price.WithTax(i);  // MARK checkout-calls-tax
  }
  PROBE(podo_probe_checkout);  // MARK checkout-probe
  return sum;
}

namespace {

__attribute__((noinline)) int Hidden(int item) {  // MARK hidden-start
  PROBE(podo_probe_hidden);                       // MARK hidden-probe
  return item * 7;
}

}  // namespace
}  // namespace shop

extern "C" __attribute__((noinline)) int podo_shop(int item) {  // MARK c-start
  shop::Price price{item * 100};
  auto discount = [&item](int cents) __attribute__((noinline)) {
    item += shop::Half(cents);  // MARK lambda-calls-half
    return item * 3;
  };
  int sum = shop::Checkout(item, price) + shop::Hidden(item) + discount(item) + discount(7);
  PROBE(podo_probe_c);  // MARK c-probe
  return sum;
}

#ifdef PODO_OTHER_VERSION
// Shifts everything behind it: an address of the first version means something else here.
extern "C" __attribute__((noinline)) int podo_other(int item) { return podo_shop(item) + 1; }
#endif
