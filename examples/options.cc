// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>

#include "podo/podo.h"

int main() {
  podo::Options options;
  options.service_name = "billing";
  options.export_to = "file:///tmp/billing.{pid}.html";
  options.interval = std::chrono::seconds(30);
  const podo::Status status = podo::Start(options);
  if (!status.ok()) std::fprintf(stderr, "not profiling: %s\n", status.message());

  // ... the service ...

  podo::Stop(std::chrono::seconds(2));  // optional: an exit flushes by itself
}
