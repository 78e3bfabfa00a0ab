// SPDX-License-Identifier: Apache-2.0
// Labels in a service with a thread pool of its own.
#include <cstdio>
#include <future>
#include <string>
#include <string_view>

#include "podo/context.h"
#include "podo/podo.h"

namespace {

double Harmonic(long terms) {
  double sum = 0;
  for (long i = 1; i <= terms; ++i) sum += 1.0 / static_cast<double>(i);
  return sum;
}

// Prepared once: entering it costs a few nanoseconds.
const podo::Labels kPay{{"endpoint", "/pay"}};

double Pay(std::string_view tenant) {
  podo::ScopedLabels endpoint(kPay);
  podo::ScopedLabels who{{"tenant", tenant}};  // samples carry endpoint and tenant
  return Harmonic(50'000'000);
}

double Search(const std::string& query) {
  podo::ScopedLabels endpoint{{"endpoint", "/search"}};
  // A part of the work goes to another thread, and what it is for goes along.
  auto part = std::async(std::launch::async, podo::WithContext([&query] {
                           return Harmonic(static_cast<long>(query.size()) * 1'000'000);
                         }));
  return Harmonic(20'000'000) + part.get();
}

}  // namespace

int main() {
  podo::Start();
  std::printf("%f %f\n", Pay("acme"), Search("green tea"));
}
