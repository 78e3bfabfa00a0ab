// SPDX-License-Identifier: Apache-2.0
// A host that throws, takes a backtrace and walks its libraries, with podo on: the test reads from
// LD_DEBUG=bindings whose functions answered. WITHOUT_PODO: the preload library brings podo.
#include <execinfo.h>
#include <link.h>
#include <unwind.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>

#ifndef WITHOUT_PODO
#include "podo/podo.h"
#endif

namespace {

int CountLibrary(dl_phdr_info*, size_t, void* count) { return ++*static_cast<int*>(count), 0; }

_Unwind_Reason_Code CountFrame(_Unwind_Context*, void* count) {
  ++*static_cast<int*>(count);
  return _URC_NO_REASON;
}

int Throw(int depth) {
  if (depth == 0) throw std::runtime_error("thrown");
  return Throw(depth - 1) + 1;
}

int ThrowAndCatch() {
  int caught = 0;
  for (int i = 0; i < 100; ++i) {
    try {
      Throw(i % 10);
    } catch (const std::exception&) {
      ++caught;
    }
  }
  return caught;
}

}  // namespace

int main() {
  int caught = 0, libraries = 0, frames = 0;
#ifndef WITHOUT_PODO
  const podo::Status status = podo::Start();
  std::printf("start: %d %s\n", static_cast<int>(status.code()), status.message());
#endif
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  while (std::chrono::steady_clock::now() < end) caught += ThrowAndCatch();
  void* addresses[16];
  const int traced = backtrace(addresses, 16);
  dl_iterate_phdr(CountLibrary, &libraries);
  _Unwind_Backtrace(CountFrame, &frames);
#ifndef WITHOUT_PODO
  const podo::Stats stats = podo::GetStats();
  std::printf("ticks %llu\n", static_cast<unsigned long long>(stats.ticks));
  podo::Stop(std::chrono::seconds(2));
  if (!status.ok() || stats.ticks == 0) return 3;
#endif
  return caught > 0 && traced > 1 && libraries > 2 && frames > 1 ? 0 : 1;
}
