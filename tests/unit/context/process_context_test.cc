// SPDX-License-Identifier: Apache-2.0
#include "context/process_context.h"

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <string>

namespace podo::context {
namespace {

// What a reader outside finds: by the name of the mapping, then by the header's layout (facts A9).
std::string ReadPublished(uint64_t* at_ns) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("OTEL_CTX") == std::string::npos) continue;
    const auto* header = reinterpret_cast<const char*>(std::stoull(line, nullptr, 16));
    uint32_t version, size;
    const char* payload;
    std::memcpy(&version, header + 8, 4);
    std::memcpy(&size, header + 12, 4);
    std::memcpy(at_ns, header + 16, 8);
    std::memcpy(&payload, header + 24, 8);
    if (std::string(header, 8) != "OTEL_CTX" || version != 2) return "not a header";
    return std::string(payload, size);
  }
  return "nothing";
}

TEST_CASE("the process context is found by its name, replaced in place, and published once") {
  uint64_t first = 0, second = 0;
  CHECK(ReadPublished(&first) == "nothing");
  ProcessContext context;
  REQUIRE(context.Publish("one payload").ok());
  CHECK(ReadPublished(&first) == "one payload");
  CHECK(first != 0);
  REQUIRE(context.Publish("another").ok());
  CHECK(ReadPublished(&second) == "another");
  CHECK(second > first);
  ProcessContext of_another_library;
  CHECK(base::IsAlreadyExists(of_another_library.Publish("mine")));
  CHECK(ReadPublished(&second) == "another");
}

}  // namespace
}  // namespace podo::context
