// SPDX-License-Identifier: Apache-2.0
// Feeds files to a fuzz target without libFuzzer: the corpus as a test, under any compiler.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot open %s\n", argv[i]);
      return 2;
    }
    // A copy of exact size: one byte read beyond it is seen by AddressSanitizer.
    const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
    const std::vector<uint8_t> bytes(text.begin(), text.end());
    std::fprintf(stderr, "%s\n", argv[i]);  // the last line names the input that broke
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  return 0;
}
