// SPDX-License-Identifier: Apache-2.0
// Payloads for tests of the spool.
#ifndef PODO_TESTS_UNIT_EXPORT_SPOOL_PAYLOAD_H_
#define PODO_TESTS_UNIT_EXPORT_SPOOL_PAYLOAD_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "export/payload.h"
#include "export/spool_file.h"

namespace podo::exporting::test {

inline Payload MakePayload(std::string bytes, int64_t start_ns = 0) {
  Payload payload;
  payload.format = PayloadFormat::kOtlp;
  payload.start_ns = start_ns;
  payload.bytes = std::make_shared<const std::string>(std::move(bytes));
  return payload;
}

// Does not compress.
inline std::string Noise(size_t size, uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

inline SpoolKey Key(uint8_t first) {
  SpoolKey key{};
  key[0] = first;
  return key;
}

}  // namespace podo::exporting::test

#endif  // PODO_TESTS_UNIT_EXPORT_SPOOL_PAYLOAD_H_
