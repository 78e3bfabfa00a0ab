// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "podo/podo.h"

// Something to find in the profile.
static double Harmonic(long terms) {
  double sum = 0;
  for (long i = 1; i <= terms; ++i) sum += 1.0 / static_cast<double>(i);
  return sum;
}

int main() {
  podo::Start();  // all it takes; the environment says where profiles go
  std::printf("%f\n", Harmonic(500'000'000));
}
