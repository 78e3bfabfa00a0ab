// SPDX-License-Identifier: Apache-2.0
// The C half of the test library.
#define PROBE(name) __asm__ volatile(".globl " #name "\n" #name ": nop")

// By its mangled name, since C++ calls it as Stock(int).
int _Z5Stocki(int item);

int _Z5Stocki(int item) {   // MARK stock-start
  PROBE(podo_probe_stock);  // MARK stock-probe
  return item + 40;
}
