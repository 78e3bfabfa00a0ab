// SPDX-License-Identifier: Apache-2.0
// Inlined two deep from shop.cc; MARK lines are what symbolizer tests expect.
#ifndef PODO_TESTS_UNIT_SYMBOLIZE_PROGRAMS_PRICE_H_
#define PODO_TESTS_UNIT_SYMBOLIZE_PROGRAMS_PRICE_H_

// A symbol at this very line, one instruction long. No type, so that no symbolizer takes it for a
// function.
#define PROBE(name) asm volatile(".globl " #name "\n" #name ": nop")

namespace shop {

template <typename T>
__attribute__((always_inline)) inline T Round(T cents) {  // MARK round-start
  PROBE(podo_probe_round);                                // MARK round-probe
  return (cents + 5) / 10;
}

__attribute__((always_inline)) inline int Half(int cents) {  // MARK half-start
  PROBE(podo_probe_half);                                    // MARK half-probe
  return cents / 2;
}

struct Price {
  int cents;
  __attribute__((always_inline)) inline int WithTax(int percent) const {  // MARK tax-start
    int tax = cents * percent;
    return cents + Round(tax);  // MARK tax-calls-round
  }
};

}  // namespace shop

#endif  // PODO_TESTS_UNIT_SYMBOLIZE_PROGRAMS_PRICE_H_
