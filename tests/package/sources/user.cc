// SPDX-License-Identifier: Apache-2.0
// What an outside project does with podo: every function of the C++ header once.
#include <chrono>
#include <cstdio>
#include <cstring>

#include "podo/podo.h"

int main() {
  podo::Options options;
  options.service_name = "package-test";
  options.log = "warning";
  const podo::Status started = podo::Start(options);
  std::printf("start %d %s\n", static_cast<int>(started.code()), started.message());
  podo::Start();  // idempotent, and no warning for the ignored result
  podo::PrepareExec();
  podo::ExecFailed();
  podo::Flush(std::chrono::seconds(1));
  const podo::Stats stats = podo::GetStats();
  const podo::Status stopped = podo::Stop(std::chrono::seconds(2));
  std::printf("version %s, rings %llu\n", podo_version(),
              static_cast<unsigned long long>(stats.rings_in_use));
  return started.ok() && stopped.ok() && std::strlen(podo_version()) > 0 ? 0 : 1;
}
