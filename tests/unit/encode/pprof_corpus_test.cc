// SPDX-License-Identifier: Apache-2.0
// The fuzzer's finds stay found: its corpus is replayed by every build.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

namespace {

TEST_CASE("every file of the corpus is refused in one line or shown") {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PODO_PPROF_CORPUS)) {
    CAPTURE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    // A copy of exact size: one byte read beyond it is seen by AddressSanitizer.
    const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
    CHECK(LLVMFuzzerTestOneInput(exact.data(), exact.size()) == 0);
    ++files;
  }
  CHECK(files >= 10);
}

}  // namespace
