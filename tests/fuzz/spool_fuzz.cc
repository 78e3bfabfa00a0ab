// SPDX-License-Identifier: Apache-2.0
// Fuzz target: whatever lies in a spool is refused with one line or read, and whatever is a payload
// comes back from a file byte by byte.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "export/spool_file.h"
#include "export/spool_name.h"

namespace {

using podo::exporting::DecodeSpoolFile;

void Expect(bool condition, const char* sentence) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", sentence);
  std::abort();
}

void Decode(const std::string& file) {
  const auto read = DecodeSpoolFile(file);
  if (!read.ok()) {
    const auto message = read.status().message();
    Expect(!message.empty() && message.find('\n') == message.npos, "an error is one line");
    return;
  }
  const auto again = podo::exporting::EncodeSpoolFile(read->key, read->payload);
  if (!again.ok()) return;  // unpacked it is too large to store
  const auto twice = DecodeSpoolFile(*again);
  Expect(twice.ok() && *twice->payload.bytes == *read->payload.bytes,
         "what was read can be stored");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace podo::exporting;
  std::string input(reinterpret_cast<const char*>(bytes), size);
  if (const auto name = ParseSpoolName(input)) {
    Expect(FormatSpoolName(*name) == input, "a name is written in one way");
  }
  Payload payload;
  payload.bytes = std::make_shared<const std::string>(input);
  const auto file = EncodeSpoolFile({}, payload);
  Expect(file.ok(), "every small payload can be stored");
  const auto read = DecodeSpoolFile(*file);
  Expect(read.ok() && *read->payload.bytes == input, "and comes back byte by byte");

  Decode(input);
  if (size < kSpoolHeaderBytes) return 0;
  SealSpoolFile(&input);  // no input would ever pass the checksum by chance
  Decode(input);
  return 0;
}
